/** Answers to requests for parameters at which rclnodejs throws, so that their client would wait for ever. */
import { messageOf } from '../planner/errors.js';
import type { Parameter, ParameterMessage, ParameterService, SetParametersResult } from './rclnodejs.js';

type NamesHandler = ParameterService['_handleGetParameters'];

export interface ParameterAccess {
  /** Errors: whatever rclnodejs throws at a message that is no parameter. */
  readonly set: (message: ParameterMessage) => SetParametersResult;
  readonly setAtomically: (messages: readonly ParameterMessage[]) => SetParametersResult;
}

/** Each request has its answer: a parameter that cannot be is refused, one that cannot be asked for has no value. */
export function answerAlways(service: ParameterService, { set, setAtomically }: ParameterAccess): void {
  service._handleSetParameters = ({ parameters }, response) =>
    response.send({ results: parameters.map((each) => resultOf(() => set(each), [each])) });
  service._handleSetParametersAtomically = ({ parameters }, response) =>
    response.send({ result: resultOf(() => setAtomically(parameters), parameters) });
  service._handleGetParameters = named(service._handleGetParameters.bind(service), { values: [] });
  service._handleDescribeParameters = named(service._handleDescribeParameters.bind(service), {
    descriptors: [],
  });
}

/** The same, and `none` where a name is none. */
function named(handle: NamesHandler, none: object): NamesHandler {
  return (request, response) => {
    if (request.names.some(isNone)) response.send(none);
    else handle(request, response);
  };
}

/** As rclnodejs sees it. */
function isNone(name: string): boolean {
  return name.trim() === '';
}

function resultOf(
  set: () => SetParametersResult,
  parameters: readonly Pick<Parameter, 'name'>[],
): SetParametersResult {
  if (parameters.some(({ name }) => isNone(name)))
    return { successful: false, reason: 'expected the name of a parameter, got none' };
  try {
    return set();
  } catch (error) {
    return { successful: false, reason: messageOf(error) };
  }
}
