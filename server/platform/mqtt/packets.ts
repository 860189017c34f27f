import { Duplex } from 'node:stream';

/**
 * Watches the packets of an MQTT connection go by and tells when one announces more than it may hold. The reader of the
 * protocol keeps a packet in memory until it is whole, up to 256 MB, also before it knows who sends it.
 */
export function createPacketGuard(bytes_max: number): (chunk: Uint8Array) => boolean {
  // Bytes of the body that are still to come; undefined inside the fixed header: one byte of type, then 1 to 4 of length.
  let body: number | undefined;
  let header = 0;
  let length = 0;
  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (body !== undefined) {
        const taken = Math.min(body, chunk.length - at);
        at += taken;
        body -= taken;
        if (body === 0) body = undefined;
        continue;
      }
      const byte = chunk[at] as number;
      at += 1;
      header += 1;
      if (header === 1) continue;
      length += (byte & 0x7f) * 128 ** (header - 2);
      if (length > bytes_max || header > 5) return false;
      if (byte >= 0x80) continue;
      if (length > 0) body = length;
      header = 0;
      length = 0;
    }
    return true;
  };
}

/** A connection that ends with an error when a packet that comes over it is too large; what is written waits for the socket. */
export function guardedConnection(socket: Duplex, bytes_max: number): Duplex {
  const fits = createPacketGuard(bytes_max);
  const guarded = new Duplex({
    read: () => void socket.resume(),
    write: (chunk, encoding, done) => void socket.write(chunk, encoding, done),
    final: (done) => void socket.end(done),
    destroy: (error, done) => {
      socket.destroy();
      done(error);
    },
  });
  socket.on('data', (chunk: Buffer) => {
    if (!fits(chunk)) guarded.destroy(new Error('the packet is too large'));
    else if (!guarded.push(chunk)) socket.pause();
  });
  socket.once('end', () => guarded.push(null));
  socket.once('error', (error) => guarded.destroy(error));
  socket.once('close', () => guarded.destroy());
  return guarded;
}
