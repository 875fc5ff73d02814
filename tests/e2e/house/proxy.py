"""A TCP proxy between inlet and a server that cuts, stalls and damages the line on command."""
import socket
import threading

from .server import free_port


class Proxy:
    def __init__(self, port):
        self.target, self.port = port, free_port()
        self.open, self.lock = set(), threading.Lock()
        self.stalled = threading.Event()
        self.stalled.set()  # set: bytes flow
        self.damage_after = None  # of the bytes that the server still sends
        self.refused = False
        self.listener = socket.create_server(('127.0.0.1', self.port))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.refused:
                near.close()
                continue
            try:
                far = socket.create_connection(('127.0.0.1', self.target), 5)
                far.settimeout(None)
            except OSError:
                near.close()
                continue
            with self.lock:
                self.open |= {near, far}
            threading.Thread(target=self._pump, args=(near, far, False), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, True), daemon=True).start()

    def _pump(self, source, sink, from_server):
        try:
            while True:
                data = source.recv(1 << 16)
                self.stalled.wait()
                if not data:
                    break
                if from_server and self.damage_after is not None:
                    with self.lock:
                        if self.damage_after is not None and self.damage_after < len(data):
                            data = bytearray(data)
                            data[self.damage_after] ^= 0x20
                            self.damage_after = None
                        elif self.damage_after is not None:
                            self.damage_after -= len(data)
                sink.sendall(data)
        except OSError:
            pass
        for s in (source, sink):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        """Every connection ends now."""
        with self.lock:
            for s in self.open:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                    s.close()
                except OSError:
                    pass
            self.open.clear()

    def refuse(self, yes=True):
        self.refused = yes
        if yes:
            self.cut()

    def stall(self):
        self.stalled.clear()

    def flow(self):
        self.stalled.set()

    def damage(self, after):
        """One bit of the byte that comes after so many from the server is wrong."""
        self.damage_after = after
