// Calls the import that the URL names, and says what it got; with /uncaught/ before the name it does
// not catch an error.
import { getContext } from 'alga:extension/context';
import * as logging from 'alga:extension/logging';
import * as secrets from 'alga:extension/secrets';
import * as http from 'alga:extension/http';
import * as storage from 'alga:extension/storage';
import * as uiProxy from 'alga:extension/ui-proxy';
import * as user from 'alga:extension/user';
import * as userV2 from 'alga:extension/user-v2';
import * as scheduler from 'alga:extension/scheduler';
import * as invoicing from 'alga:extension/invoicing';
import * as clients from 'alga:extension/clients';
import * as services from 'alga:extension/services';

const entry = { namespace: 'ns', key: 'key', value: new Uint8Array([1, 2]), revision: undefined };
const calls = {
  'context.get-context': () => getContext(),
  'logging.log-info': () => logging.logInfo('info'),
  'logging.log-warn': () => logging.logWarn('warn'),
  'logging.log-error': () => logging.logError('error'),
  'secrets.get': () => secrets.get('key'),
  'secrets.list-keys': () => secrets.listKeys(),
  'http.fetch': () => http.fetch({ method: 'GET', url: 'https://example.com', headers: [] }),
  'storage.get': () => storage.get('ns', 'key'),
  'storage.put': () => storage.put(entry),
  'storage.delete': () => storage.delete('ns', 'key'),
  'storage.list-entries': () => storage.listEntries('ns'),
  'ui-proxy.call-route': () => uiProxy.callRoute('/x', new Uint8Array([1])),
  'user.get-user': () => user.getUser(),
  'user-v2.get-user': () => userV2.getUser(),
  'scheduler.list-schedules': () => scheduler.listSchedules(),
  'scheduler.get-schedule': () => scheduler.getSchedule('id'),
  'scheduler.create-schedule': () => scheduler.createSchedule({ endpoint: 'e', cron: '* * * * *' }),
  'scheduler.update-schedule': () => scheduler.updateSchedule('id', {}),
  'scheduler.delete-schedule': () => scheduler.deleteSchedule('id'),
  'scheduler.get-endpoints': () => scheduler.getEndpoints(),
  'invoicing.create-manual-invoice': () => invoicing.createManualInvoice({ clientId: 'c', items: [] }),
  'clients.list-clients': () => clients.listClients({}),
  'clients.get-client': () => clients.getClient('c'),
  'services.list-services': () => services.listServices({ itemKind: 'service', page: 1 }),
  'services.get-service': () => services.getService('s'),
};

export async function handler(request) {
  const url = request.http.url;
  if (url.startsWith('/lines/')) {
    const count = Number(url.slice(7));
    const { requestId } = getContext();
    for (let i = 0; i < count; i++) {
      if (i % 3 === 2) logging.logInfo(`${requestId} js ${i}`);
      else if (i % 3 === 1) console.error(`${requestId} js ${i}`);
      else console.log(`${requestId} js ${i}`);
    }
  } else if (url.startsWith('/fetch?')) {
    try {
      await fetch(url.slice(7));
    } catch (error) {
      console.log(`failed: ${error}`);
    }
  } else if (url === '/echo') {
    console.log(JSON.stringify({ level: 'warn', message: 'echo', requestId: 'forged' }));
    return { status: 201, headers: [{ name: 'x-method', value: request.http.method }], body: request.http.body };
  } else if (url.startsWith('/uncaught/')) {
    calls[url.slice(10)]();
  } else {
    const name = url.slice(1);
    console.log(`calling ${name}`);
    try {
      const { success, error, ...rest } = calls[name]() ?? {};
      console.log(`got: ${success ?? JSON.stringify(rest)} ${error ?? ''}`);
    } catch (error) {
      console.log(`failed: ${error.payload}`);
    }
  }
  return { status: 200, headers: [], body: new TextEncoder().encode(url) };
}
