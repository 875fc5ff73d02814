#!/usr/bin/env python3
"""Writes connectors/mysql/mysql_charset_tables.c, or the digests of its test, from what a real server says.

  make_charsets.py tables PORT >connectors/mysql/mysql_charset_tables.c
  make_charsets.py digests PORT >tests/golden/mysql/charsets.digests

Asks the MySQL server on 127.0.0.1:PORT (root, no password) what each byte of every one-byte set is in
UTF-32, and for the multi-byte sets that iconv(3) reads nearly alike, where the two differ. A digest is FNV-1a 64 over
all codes of a set in the order of codes_of(): the code's bytes, then its UTF-8, or ff where the server has no character.
"""
import ctypes
import subprocess
import sys

SINGLE = ("armscii8 cp1250 cp1251 cp1256 cp1257 cp850 cp852 cp866 dec8 geostd8 greek hebrew hp8 keybcs2 koi8r koi8u "
          "latin1 latin2 latin5 latin7 macce macroman swe7 tis620").split()
MULTI = {"big5": "BIG5", "eucjpms": "EUC-JP-MS", "gb18030": "GB18030", "gbk": "GBK", "sjis": "SJIS", "ujis": "EUC-JP-MS"}
REST = ("cp932", "euckr", "gb2312")  # iconv reads them as the server does
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
            code, _, point = line.partition("\t")
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
    if charset in SINGLE:
        return codes
    codes += [bytes([a, b]) for a in range(0x80, 256) for b in range(0x30, 256)]
    if charset in ("ujis", "eucjpms"):
        codes += [bytes([0x8f, a, b]) for a in range(0xa1, 256) for b in range(0xa1, 256)]
    if charset == "gb18030":
        codes += [bytes([a, b, c, d]) for a in range(0x81, 0x85) for b in range(0x30, 0x3a) for c in range(0x81, 0xff)
                  for d in range(0x30, 0x3a)]
    return codes


def one_character(charset, code):
    """Whether the code is one character by its lead byte: others are two, or the beginning of one."""
    lead, need = code[0], 1
    if charset in ("ujis", "eucjpms"):
        need = 3 if lead == 0x8f else 2 if lead >= 0xa1 or lead == 0x8e else 1
    elif charset == "gb18030":
        need = 1 if lead < 0x81 else 4 if len(code) > 1 and 0x30 <= code[1] <= 0x39 else 2
    elif charset == "sjis":
        need = 2 if 0x81 <= lead <= 0x9f or lead >= 0xe0 else 1
    else:
        need = 2 if lead >= 0x81 else 1
    return len(code) == need


def lines(items, per):
    return "".join("    " + " ".join(items[i:i + per]) + "\n" for i in range(0, len(items), per))


def tables(port):
    print("/* Made by tests/golden/mysql/make_charsets.py from a server's own conversions; not edited by hand.\n */")
    print('#include "connectors/mysql/mysql_charset_tables.h"\n\n/* clang-format off */')
    for name in SINGLE:
        found = ask(port, name, [bytes([b]) for b in range(256)])
        items = ["0x%x," % (found[bytes([b])] or 0) for b in range(256)]
        print(f"const uint16_t mysql_charset_tables_{name}[256] = {{\n{lines(items, 16)}}};")
    for name, iconv in MULTI.items():
        handle = LIBC.iconv_open(b"UTF-32BE", iconv.encode())
        found = ask(port, name, codes_of(name))
        odd = sorted((int.from_bytes(c, "big"), p or 0) for c, p in found.items()
                     if one_character(name, c) and by_iconv(handle, c) != p)
        items = ["{0x%x, 0x%x}," % pair for pair in odd]
        print(f"const struct mysql_charset_tables_odd mysql_charset_tables_{name}[{len(odd)}] = {{\n{lines(items, 6)}}};")
    print("/* clang-format on */")


def digests(port):
    for name in sorted(SINGLE + list(MULTI) + list(REST)):
        digest = 0xcbf29ce484222325
        found = ask(port, name, codes_of(name))
        for code in codes_of(name):
            point = found[code]
            for byte in code + (b"\xff" if point is None else chr(point).encode("utf8", "surrogatepass")):
                digest = (digest ^ byte) * 0x100000001b3 & 0xffffffffffffffff
        print(f"{name}\t{digest}")


{"tables": tables, "digests": digests}[sys.argv[1]](sys.argv[2])
