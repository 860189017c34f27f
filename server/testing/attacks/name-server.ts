import { createSocket } from 'node:dgram';
import { promises as dns } from 'node:dns';
import { once } from 'node:events';
import type { Lookup } from '../../platform/egress/lookup.ts';

/** What a name answers: addresses, or another name to ask for. */
export type Record4 = readonly string[] | { readonly cname: string };

/**
 * A name server on this machine, whose every answer has no time to live, and the way to ask it that Heliu has for
 * webhooks: through c-ares, over UDP. Whoever owns a name can answer what they like, and something else a moment later.
 */
export async function aNameServer(answer: (name: string) => Record4) {
  const socket = createSocket('udp4');
  let asked = 0;
  socket.on('message', (query, from) => {
    asked += 1;
    socket.send(answerTo(query, answer), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const resolver = new dns.Resolver({ timeout: 2_000, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  const lookup: Lookup = (hostname) => resolver.resolve4(hostname);
  return {
    lookup,
    asked: () => asked,
    close: () =>
      new Promise<void>((resolve) => {
        resolver.cancel();
        socket.close(() => resolve());
      }),
  };
}

/** RFC 1035, 4.1: the question comes back, followed by the records, each of which names itself anew. */
function answerTo(query: Buffer, answer: (name: string) => Record4): Buffer {
  const { name, end } = readName(query, 12);
  const records: Buffer[] = [];
  let at = name;
  for (let found = answer(at); ; found = answer(at)) {
    if (!('cname' in found)) {
      for (const address of found) records.push(record(at, 1, Buffer.from(address.split('.').map(Number))));
      break;
    }
    records.push(record(at, 5, writeName(found.cname)));
    at = found.cname;
  }
  const head = Buffer.alloc(12);
  query.copy(head, 0, 0, 2);
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(records.length, 6);
  return Buffer.concat([head, query.subarray(12, end + 4), ...records]);
}

function readName(message: Buffer, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  for (let length = message[at] ?? 0; length > 0; length = message[at] ?? 0) {
    labels.push(message.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), end: at + 1 };
}

const writeName = (name: string) =>
  Buffer.concat([...name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)])), Buffer.from([0])]);

function record(name: string, type: number, data: Buffer): Buffer {
  const fixed = Buffer.alloc(10);
  fixed.writeUInt16BE(type, 0);
  fixed.writeUInt16BE(1, 2);
  fixed.writeUInt16BE(data.length, 8);
  return Buffer.concat([writeName(name), fixed, data]);
}
