"""A client of the MySQL protocol, just enough to record golden files: root without a password, text queries, and
prepared statements whose rows are kept as they came (binary protocol). Standard library only."""
import socket
import struct


def lenenc(data, at):
    first = data[at]
    if first < 251:
        return first, at + 1
    width = {252: 2, 253: 3, 254: 8}[first]
    return int.from_bytes(data[at + 1:at + 1 + width], "little"), at + 1 + width


def lenenc_bytes(data, at):
    length, at = lenenc(data, at)
    return data[at:at + length], at + length


class ServerError(Exception):
    pass


class Wire:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.sequence = 0
        greeting = self.receive()
        self.version = greeting[1:greeting.index(b"\0", 1)].decode()
        # PROTOCOL_41, SECURE_CONNECTION, PLUGIN_AUTH, MULTI_RESULTS, LONG_PASSWORD
        self.send(struct.pack("<IIB23x", 0x000a8201 | 0x20000, 1 << 24, 45) + b"root\0\0" + b"mysql_native_password\0")
        answer = self.receive()
        while answer[0] not in (0, 0xff):
            self.send(b"") if answer[0] == 0xfe else None
            answer = self.receive()
        self.check(answer)
        self.mariadb = "MariaDB" in self.version

    def read(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise EOFError("server closed the connection")
            data += more
        return data

    def receive(self):
        payload = b""
        while True:
            head = self.read(4)
            length = int.from_bytes(head[:3], "little")
            self.sequence = head[3] + 1
            payload += self.read(length)
            if length < 0xffffff:
                return payload

    def send(self, payload, first=False):
        if first:
            self.sequence = 0
        at = 0
        while True:
            part = payload[at:at + 0xffffff]
            self.socket.sendall(len(part).to_bytes(3, "little") + bytes([self.sequence & 255]) + part)
            self.sequence += 1
            at += len(part)
            if len(part) < 0xffffff:
                return

    @staticmethod
    def check(packet):
        if packet[0] == 0xff:
            raise ServerError(packet[9:].decode("utf8", "replace"))
        return packet

    def columns(self, count):
        """type, flags, charset, decimals of each; then EOF."""
        found = []
        for _ in range(count):
            packet = self.receive()
            at = 0
            for _ in range(6):
                _, at = lenenc_bytes(packet, at)
            charset, _, kind, flags, decimals = struct.unpack_from("<HIBHB", packet, at + 1)
            found.append((kind, flags, charset, decimals))
        if count:
            self.receive()
        return found

    def query(self, sql):
        """Rows of bytes or None; [] without a result."""
        if isinstance(sql, str):
            sql = sql.encode("utf8")
        self.send(b"\x03" + sql, first=True)
        head = self.check(self.receive())
        if head[0] == 0:
            return []
        self.columns(head[0] if head[0] < 251 else lenenc(head, 0)[0])
        rows = []
        while True:
            packet = self.check(self.receive())
            if packet[0] == 0xfe and len(packet) < 9:
                return rows
            row, at = [], 0
            while at < len(packet):
                if packet[at] == 0xfb:
                    row.append(None)
                    at += 1
                else:
                    value, at = lenenc_bytes(packet, at)
                    row.append(value)
            rows.append(row)

    def binary(self, sql):
        """Column definitions and row packets of a prepared statement."""
        self.send(b"\x16" + sql.encode("utf8"), first=True)
        head = self.check(self.receive())
        statement, columns, parameters = struct.unpack_from("<IHH", head, 1)
        assert parameters == 0
        self.columns(columns)
        self.send(b"\x17" + struct.pack("<IBI", statement, 0, 1), first=True)
        head = self.check(self.receive())
        definitions = self.columns(lenenc(head, 0)[0])
        rows = []
        while True:
            packet = self.check(self.receive())
            if packet[0] == 0xfe and len(packet) < 9:
                return definitions, rows
            rows.append(packet)
