import { Socket } from 'node:net';

// urllib, which Alipay's SDK sends with, replaces `destroy` of every socket of the process when it is loaded. Its version
// throws when one error ends two sockets, and a pool of connections that closes never ends then. So it is put back.
const { destroy } = Socket.prototype;
/** Alipay's own SDK for Node, as its makers publish it. */
export const { AlipaySdk } = await import('alipay-sdk');
Socket.prototype.destroy = destroy;
