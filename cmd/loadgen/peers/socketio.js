// A room server as the usual WebRTC tutorials write it on socket.io.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], pingInterval: 25000, pingTimeout: 600000 });
io.on('connection', (socket) => {
  socket.on('join', (room) => {
    socket.join(room);
    socket.to(room).emit('joined', socket.id);
  });
  socket.on('signal', (message) => {
    socket.to(message.room).emit('signal', { from: socket.id, data: message.data });
  });
});
http.listen(Number(process.argv[2]), '127.0.0.1', 65535);
