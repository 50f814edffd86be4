// Built without stdio and the rest of WASI, as the platform's own samples are: only log calls arrive.
import { getContext } from 'alga:extension/context';
import { logInfo, logWarn } from 'alga:extension/logging';
import { getUser } from 'alga:extension/user-v2';
import { listClients } from 'alga:extension/clients';
import { getService } from 'alga:extension/services';

async function attempt(name, call) {
  try {
    return await call();
  } catch (error) {
    logWarn(`${name}: ${error.payload}`);
    return null;
  }
}

export async function handler(request) {
  console.log('a line that nobody can see');
  console.error('nor this one');
  logInfo(`asked for ${request.http.url} in ${getContext().requestId}`);
  const user = await attempt('user', getUser);
  const clients = await attempt('clients', () => listClients({ page: 1, pageSize: 10, includeInactive: false }));
  const service = await attempt('service', () => getService('s-1'));
  const body = JSON.stringify({ user, clients, service });
  const headers = [{ name: 'content-type', value: 'application/json' }];
  return { status: 200, headers, body: Uint8Array.from(body, (c) => c.charCodeAt(0)) };
}
