// The PeerJS server as its documentation starts it.
import { PeerServer } from 'peer';

PeerServer({ host: '127.0.0.1', port: Number(process.argv[2]), path: '/', key: 'peerjs', concurrent_limit: 100000, alive_timeout: 600000 });
