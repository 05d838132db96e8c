/** What writes the states on the way. */
import { MllmStatePrompter, type StatePrompter } from '../sdk/index.js';
import type { Settings } from './parameters.js';

/** As the parameters say; undefined: the planner's own. Errors: `invalid-argument` for an endpoint that is no URL. */
export function statePrompterOf(settings: Settings): StatePrompter | undefined {
  const { 'states.endpoint': baseUrl, 'states.model': model, 'states.fallback': fallback } = settings;
  if (baseUrl === '') return undefined;
  const { AID_STATE_API_KEY: apiKey } = process.env;
  return new MllmStatePrompter({
    baseUrl,
    model,
    fallback: fallback as 'template' | 'error',
    ...(apiKey ? { apiKey } : {}),
  });
}
