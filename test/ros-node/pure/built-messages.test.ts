import { appendFileSync, cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { outdatedMessages } from '#ros-node/built-messages.js';

it('tells messages that were built from another version, by their fields', () => {
  const prefix = mkdtempSync(join(tmpdir(), 'aid-messages-'));
  onTestFinished(() => rmSync(prefix, { recursive: true, force: true }));
  const share = join(prefix, 'share', 'aid_msgs');
  for (const kind of ['msg', 'srv', 'action'])
    cpSync(join('msgs', kind), join(share, kind), { recursive: true });
  const path = ['/nowhere', prefix].join(delimiter);
  expect(outdatedMessages(path)).toEqual([]);
  appendFileSync(join(share, 'msg', 'Clip.msg'), '\n# A comment.\n');
  expect(outdatedMessages(path)).toEqual([]);
  appendFileSync(join(share, 'msg', 'Clip.msg'), 'float32 mood\n');
  expect(outdatedMessages(path)).toEqual([join('msg', 'Clip.msg')]);
  rmSync(join(share, 'action', 'Imagine.action'));
  expect(outdatedMessages(path)).toContain(join('action', 'Imagine.action'));
  expect(outdatedMessages('/nowhere')).toEqual([]);
});
