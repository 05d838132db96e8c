"""Joint angles for a gripper pose: damped least squares on the model's own kinematics."""

import mujoco
import numpy as np

from .arm import JOINT_RANGES, JOINTS, PINCH_SITE

DAMPING = 0.03
POSITION_TOLERANCE = 0.003
ROTATION_TOLERANCE = 0.03


class InverseKinematics:
    """Solves for the six arm joints of a model, on a state of its own."""

    def __init__(self, model: mujoco.MjModel):
        self._model = model
        self._data = mujoco.MjData(model)
        self._site = model.site(PINCH_SITE).id
        self._qpos = np.array([model.joint(name).qposadr[0] for name in JOINTS])
        self._dofs = np.array([model.joint(name).dofadr[0] for name in JOINTS])
        self._limits = np.array(JOINT_RANGES).T
        self._jacobian = np.zeros((6, model.nv))

    def solve(
        self, position: np.ndarray, quaternion: np.ndarray, guess: np.ndarray, iterations: int
    ) -> tuple[np.ndarray, float, float]:
        """Improves a guess.

        Args:
            position: [3] of the pinch site, world frame.
            quaternion: [4] w x y z of the gripper, world frame.
            guess: [6] joint angles.
            iterations: largest number of steps.

        Returns:
            joint angles [6], remaining distance (metres), remaining rotation (radians).
        """
        model, data = self._model, self._data
        joints = np.array(guess, dtype=float)
        rotation, error, current = np.empty(3), np.empty(6), np.empty(4)
        inverse, difference = np.empty(4), np.empty(4)
        for step in range(iterations + 1):
            data.qpos[self._qpos] = joints
            mujoco.mj_kinematics(model, data)
            error[:3] = position - data.site_xpos[self._site]
            mujoco.mju_mat2Quat(current, data.site_xmat[self._site])
            mujoco.mju_negQuat(inverse, current)
            mujoco.mju_mulQuat(difference, quaternion, inverse)
            mujoco.mju_quat2Vel(rotation, difference, 1.0)
            error[3:] = rotation
            distance, angle = float(np.linalg.norm(error[:3])), float(np.linalg.norm(rotation))
            if step == iterations or (distance < 1e-4 and angle < 1e-3):
                break
            # A far goal is approached in bounded steps.
            error[:3] *= min(1.0, 0.05 / max(distance, 1e-9))
            error[3:] *= min(1.0, 0.30 / max(angle, 1e-9))
            mujoco.mj_comPos(model, data)
            mujoco.mj_jacSite(model, data, self._jacobian[:3], self._jacobian[3:], self._site)
            arm = self._jacobian[:, self._dofs]
            normal = arm @ arm.T
            normal[np.diag_indices(6)] += DAMPING**2
            joints += arm.T @ np.linalg.solve(normal, error)
            np.clip(joints, *self._limits, out=joints)
        return joints, distance, angle
