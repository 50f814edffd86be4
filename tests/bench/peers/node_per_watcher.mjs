// The seed's design: server-sent events from Node, and for each watcher a Redis connection that
// reads the stream from its end and writes one message per entry. No redaction, no decision.
//
// usage: node node_per_watcher.mjs MODULES PORT REDIS_URL STREAM
import http from 'node:http';
import { createRequire } from 'node:module';

const [modules, port, url, stream] = process.argv.slice(2);
const { createClient } = createRequire(`${modules}/`)('redis');

async function tail(client, response) {
  await client.connect();
  const newest = await client.xRevRange(stream, '+', '-', { COUNT: 1 });
  let position = newest.length ? newest[0].id : '0-0';
  response.write(': ready\n\n');
  while (!response.closed) {
    const reply = await client.xRead({ key: stream, id: position }, { BLOCK: 1000, COUNT: 100 });
    for (const { id, message } of reply ? reply[0].messages : []) {
      response.write(`id: ${id}\ndata: ${JSON.stringify(message)}\n\n`);
      position = id;
    }
  }
}

http.createServer((request, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  response.flushHeaders();
  const client = createClient({ url });
  client.on('error', () => response.destroy());
  response.on('close', () => client.destroy());
  tail(client, response).catch(() => response.destroy());
}).listen(Number(port), '127.0.0.1', 4096);
