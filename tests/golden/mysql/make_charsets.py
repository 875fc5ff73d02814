#!/usr/bin/env python3
"""Writes connectors/mysql/mysql_charset_tables.c from what a real server says.

  make_charsets.py PORT >connectors/mysql/mysql_charset_tables.c

Asks the MySQL server on 127.0.0.1:PORT (root, no password) what each byte of every one-byte set is in
UTF-32, and for the multi-byte sets that iconv(3) reads nearly alike, where the two differ.
"""
import ctypes
import subprocess
import sys

SINGLE = ("armscii8 cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 dec8 geostd8 greek hebrew hp8 keybcs2 koi8r koi8u "
          "latin1 latin2 latin5 latin7 macce macroman swe7 tis620").split()
MULTI = {"big5": "BIG5", "gb18030": "GB18030", "sjis": "SJIS", "ujis": "EUC-JP-MS"}
LIBC = ctypes.CDLL(None)
LIBC.iconv_open.restype = ctypes.c_void_p
LIBC.iconv.restype = ctypes.c_size_t


def ask(port, charset, codes):
    """{code bytes: code point or None}"""
    found = {}
    for at in range(0, len(codes), 4000):
        rows = ",".join("(x'%s')" % c.hex() for c in codes[at:at + 4000])
        sql = (f"create temporary table test.c(b varbinary(4));insert into test.c values {rows};"
               f"select hex(b), hex(convert(convert(b using {charset}) using utf32)) from test.c;drop table test.c;")
        done = subprocess.run(["mariadb", "--skip-ssl", "-h127.0.0.1", "-P%s" % port, "-uroot", "-N"],
                              input=sql.encode(), capture_output=True, check=True)
        for line in done.stdout.decode().splitlines():
            code, point = line.split()
            code = bytes.fromhex(code)
            good = point != "NULL" and len(point) == 8 and (point != "0000003F" or code == b"?")
            found[code] = int(point, 16) if good else None
    return found


def by_iconv(handle, code):
    out = ctypes.create_string_buffer(32)
    src, left = ctypes.c_char_p(code), ctypes.c_size_t(len(code))
    dst, room = ctypes.c_char_p(ctypes.addressof(out)), ctypes.c_size_t(32)
    LIBC.iconv(ctypes.c_void_p(handle), None, None, None, None)
    if LIBC.iconv(ctypes.c_void_p(handle), ctypes.byref(src), ctypes.byref(left), ctypes.byref(dst),
                  ctypes.byref(room)) == 2 ** 64 - 1:
        return None
    LIBC.iconv(ctypes.c_void_p(handle), None, None, ctypes.byref(dst), ctypes.byref(room))
    return int.from_bytes(out.raw[:4], "big") if room.value == 28 else None


def codes_of(charset):
    codes = [bytes([b]) for b in range(256)]
    codes += [bytes([a, b]) for a in range(0x80, 256) for b in range(0x30, 256)]
    if charset == "ujis":
        codes += [bytes([0x8f, a, b]) for a in range(0xa1, 256) for b in range(0xa1, 256)]
    if charset == "gb18030":
        codes += [bytes([a, b, c, d]) for a in range(0x81, 0x85) for b in range(0x30, 0x3a) for c in range(0x81, 0xff)
                  for d in range(0x30, 0x3a)]
    return codes


def lines(items, per):
    return "".join("    " + " ".join(items[i:i + per]) + "\n" for i in range(0, len(items), per))


def main():
    port = sys.argv[1]
    print('/* Made by tests/golden/mysql/make_charsets.py from a server\'s own conversions; not edited by hand. */')
    print('#include "connectors/mysql/mysql_charset_tables.h"\n\n/* clang-format off */')
    for name in SINGLE:
        found = ask(port, name, [bytes([b]) for b in range(256)])
        items = ["0x%x," % (found[bytes([b])] or 0) for b in range(256)]
        print(f"const uint16_t mysql_charset_tables_{name}[256] = {{\n{lines(items, 16)}}};")
    for name, iconv in MULTI.items():
        handle = LIBC.iconv_open(b"UTF-32BE", iconv.encode())
        found = ask(port, name, codes_of(name))
        odd = sorted((int.from_bytes(c, "big"), p) for c, p in found.items() if p is not None and by_iconv(handle, c) != p)
        items = ["{0x%x, 0x%x}," % pair for pair in odd]
        print(f"const struct mysql_charset_tables_odd mysql_charset_tables_{name}[{len(odd)}] = {{\n{lines(items, 6)}}};")
    print("/* clang-format on */")


main()
