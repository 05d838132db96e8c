/** Answers to requests for parameters at which rclnodejs throws, so that their client would wait for ever. */
import type { Parameter, ParameterMessage, ParameterService, SetParametersResult } from './rclnodejs.js';

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
  const get = service._handleGetParameters.bind(service);
  service._handleGetParameters = (request, response) => {
    if (request.names.some(isNone)) response.send({ values: [] });
    else get(request, response);
  };
  const describe = service._handleDescribeParameters.bind(service);
  service._handleDescribeParameters = (request, response) => {
    if (request.names.some(isNone)) response.send({ descriptors: [] });
    else describe(request, response);
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
    return { successful: false, reason: error instanceof Error ? error.message : String(error) };
  }
}
