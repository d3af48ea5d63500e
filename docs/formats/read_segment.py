#!/usr/bin/env python3
"""Reads a segment as docs/formats/segment.md describes it, and prints its rows.

    read_segment.py FILE

One line of JSON per row: [tenant, labels, time in nanoseconds, line in hexadecimal, metadata].
It needs the standard library and something that decompresses zstd: Python 3.14, the module `zstandard`, or libzstd.
It is written for reading along with the page, not for speed. Exit status 77: nothing here decompresses zstd.
"""

import ctypes
import ctypes.util
import json
import struct
import sys

NEWEST = 1


def find_zstd():
    """A function from a frame and the length of what it holds to that."""
    try:
        from compression import zstd

        return lambda frame, length: zstd.decompress(frame)
    except ImportError:
        pass
    try:
        import zstandard

        return lambda frame, length: zstandard.ZstdDecompressor().decompress(frame, max_output_size=length)
    except ImportError:
        pass
    name = ctypes.util.find_library("zstd")
    if name is None:
        print("nothing here decompresses zstd: install the module zstandard", file=sys.stderr)
        sys.exit(77)
    library = ctypes.CDLL(name)
    library.ZSTD_decompress.restype = ctypes.c_size_t
    library.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]

    def decompress(frame, length):
        out = ctypes.create_string_buffer(length + 1)
        if library.ZSTD_decompress(out, length, frame, len(frame)) != length:
            raise ValueError("a zstd frame is damaged")
        return out.raw[:length]

    return decompress


def unzstd(frame, length):
    raw = DECOMPRESS(frame, length)
    check(len(raw) == length, f"a frame holds {len(raw)} bytes, not {length}")
    return raw


def check(true, problem):
    if not true:
        raise ValueError(problem)


def crc32c_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


CRC_TABLE = crc32c_table()


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ CRC_TABLE[(crc ^ byte) & 0xFF]
    return crc ^ 0xFFFFFFFF


def unzigzag(value):
    return value >> 1 ^ -(value & 1)


def signed(value):
    """Differences wrap at 64 bits."""
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


class Reader:
    """Walks over bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def bytes(self, length):
        check(self.at + length <= len(self.data), "it ends too early")
        self.at += length
        return self.data[self.at - length : self.at]

    def u8(self):
        return self.bytes(1)[0]

    def u32(self):
        return struct.unpack("<I", self.bytes(4))[0]

    def u64(self):
        return struct.unpack("<Q", self.bytes(8))[0]

    def i64(self):
        return struct.unpack("<q", self.bytes(8))[0]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.u8()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def zigzag(self):
        return unzigzag(self.varint())

    def text(self):
        return self.bytes(self.varint())

    def section(self):
        method = self.u8()
        if method == 0:
            return self.text()
        check(method == 1, f"section method {method}")
        raw_length = self.varint()
        return unzstd(self.text(), raw_length)

    def end(self):
        check(self.at == len(self.data), "bytes are left over")


# § Object


def read_object(data):
    """(tenant, window, bytes) of each part."""
    check(data[:4] == b"SGYN" and data[-4:] == b"SGEN", "this is no segment")
    trailer = Reader(data[-28:])
    directory_length, parts, length = trailer.u32(), trailer.u32(), trailer.u64()
    version, _, crc = trailer.bytes(2), trailer.bytes(2), trailer.u32()
    check(struct.unpack("<H", version)[0] <= NEWEST, "the segment is newer than this program")
    check(length == len(data), f"{len(data)} bytes of {length}")
    directory = data[-28 - directory_length : -28]
    check(crc32c(directory + data[-28:-8]) == crc, "the directory is damaged")
    reader = Reader(directory)
    for _ in range(parts):
        tenant = reader.bytes(reader.u8()).decode()
        window, offset, length, _ = reader.i64(), reader.u64(), reader.u64(), reader.u32()
        yield tenant, window, data[offset : offset + length]
    reader.end()


# § Part, § Footer


def read_footer(part):
    trailer = Reader(part[-28:])
    footer_length, raw_length, length = trailer.u32(), trailer.u32(), trailer.u64()
    version, _, crc = trailer.bytes(2), trailer.bytes(2), trailer.u32()
    check(trailer.bytes(4) == b"SGPT", "this is no part")
    check(struct.unpack("<H", version)[0] <= NEWEST, "the part is newer than this program")
    check(length == len(part), f"{len(part)} bytes of {length}")
    frame = part[-28 - footer_length : -28]
    check(crc32c(frame + part[-28:-8]) == crc, "the footer is damaged")
    reader = Reader(unzstd(frame, raw_length))
    reader.u8()  # The level.
    names = [reader.text().decode() for _ in range(reader.varint())]
    symbols = []
    for _ in range(reader.varint()):
        shared = reader.varint()
        symbols.append((symbols[-1] if symbols else b"")[:shared] + reader.text())
    streams = []
    for _ in range(reader.varint()):
        shared = reader.varint()
        pairs = (streams[-1] if streams else [])[:shared]
        for _ in range(reader.varint()):
            name, value = symbols[reader.varint()], symbols[reader.varint()]
            pairs.append((name.decode(), value.decode()))
        streams.append(pairs)
    blocks = read_blocks(reader)
    reader.end()
    return names, streams, blocks


def read_blocks(reader):
    """(rows, runs, columns) of each block; a run is (stream, rows), a column (kind, offset, length, raw length, crc)."""
    blocks, ends, stream = [], {}, 0
    for _ in range(reader.varint()):
        rows, _, _, _ = reader.varint(), reader.varint(), reader.zigzag(), reader.varint()
        runs = []
        for _ in range(reader.varint()):
            stream += reader.varint()
            runs.append((stream, reader.varint()))
            reader.varint(), reader.varint(), reader.varint()  # Min time, span, line bytes.
        columns = []
        for _ in range(reader.varint()):
            kind = reader.varint()
            offset = ends.get(kind, 0) + reader.zigzag()
            length, raw_length, crc = reader.varint(), reader.varint(), reader.u32()
            ends[kind] = offset + length
            columns.append((kind, offset, length, raw_length, crc))
        blocks.append((rows, runs, columns))
    return blocks


# § Columns


def read_times(reader, rows):
    unit = [1, 10**3, 10**6, 10**9][reader.u8()]
    steps, time, times = Reader(reader.section()), 0, []
    for _ in range(rows):
        time = signed(time + steps.zigzag())
        times.append(signed(time * unit))
    steps.end()
    return times


def read_lengths(reader, count):
    width = reader.u8()
    if width == 0:
        return [reader.varint()] * count
    planes = reader.section()
    return join_planes([planes[at * count : (at + 1) * count] for at in range(width)], count)


def join_planes(planes, count):
    check(all(len(plane) == count for plane in planes), "a plane has the wrong length")
    return [sum(plane[at] << 8 * nth for nth, plane in enumerate(planes)) for at in range(count)]


def cut(data, lengths):
    reader = Reader(data)
    texts = [reader.bytes(length) for length in lengths]
    reader.end()
    return texts


def read_lines(reader, lengths, times):
    if reader.data[0] == 2:
        reader.u8()
        lines = read_texts(reader, len(times), times)
        check([len(line) for line in lines] == lengths, "lines have other lengths")
        return lines
    return [line[:-1] for line in cut(reader.section(), [length + 1 for length in lengths])]


def read_metadata(reader, rows):
    """The value of each row, or None."""
    present = list(range(rows))
    if reader.u8() == 1:
        bits = reader.section()
        present = [row for row in range(rows) if bits[row // 8] >> row % 8 & 1]
    mapping = reader.u8()
    if mapping == 0:
        ids = [0] * len(present)
    elif mapping == 1:
        ids = list(reader.section())
    elif mapping == 2:
        planes, count = reader.section(), len(present)
        ids = join_planes([planes[:count], planes[count:]], count)
    else:
        ids = list(range(len(present)))
    kind, count = reader.u8(), reader.varint()
    if kind == 0:
        lengths = read_lengths(reader, count)
        values = cut(reader.section(), lengths)
    else:
        digits = reader.varint()
        data = reader.section()
        values = [text.hex().encode() for text in cut(data, [digits // 2] * count)]
    found = dict(zip(present, ids))
    return [values[found[row]].decode() if row in found else None for row in range(rows)]


# § Templates


def read_texts(reader, count, times):
    """`count` texts; `times` are those of their rows, or None."""
    way = reader.u8()
    if way == 0:
        return [reader.text()] * count
    if way == 1:
        lengths = read_numbers(reader, count, None)
        return cut(reader.section(), lengths)
    if way == 2:
        words = read_texts(reader, reader.varint(), None)
        return [words[number] for number in read_numbers(reader, count, None)]
    if way == 3:
        return [b"%d" % number for number in read_numbers(reader, count, times)]
    if way == 4:
        width = reader.u8()
        return [b"%0*d" % (width, number) for number in read_numbers(reader, count, times)]
    if way in (5, 6):
        width = reader.varint()
        texts = cut(reader.section(), [(width + 1) // 2] * count)
        texts = [text.hex()[-width:].encode() for text in texts]
        return texts if way == 5 else [text.upper() for text in texts]
    if way == 7:
        digits = reader.u8()
        separator = reader.bytes(1) if digits else b""
        return [clock(number, digits, separator) for number in read_numbers(reader, count, times)]
    check(way == 8, f"texts stored in way {way}")
    return read_templates(reader, count, times)


def clock(number, digits, separator):
    seconds, fraction = divmod(number, 10**digits)
    text = b"%02d:%02d:%02d" % (seconds // 3600, seconds // 60 % 60, seconds % 60)
    return text + separator + (b"%0*d" % (digits, fraction) if digits else b"")


def read_templates(reader, count, times):
    templates, slots = reader.varint(), reader.varint()
    static, outlines = Reader(reader.section()), []
    for _ in range(templates):
        outlines.append([static.text() for _ in range(static.varint() + 1)])
    static.end()
    check(slots == sum(len(texts) - 1 for texts in outlines), "templates have other slots")
    ids = read_numbers(reader, count, None)
    out = [None] * count
    for template, texts in enumerate(outlines):
        members = [at for at in range(count) if ids[at] == template]
        member_times = times and [times[at] for at in members]
        columns = [read_texts(reader, len(members), member_times) for _ in texts[1:]]
        for nth, at in enumerate(members):
            values = [column[nth] for column in columns] + [b""]
            out[at] = b"".join(text + value for text, value in zip(texts, values))
    return out


def read_numbers(reader, count, times):
    base = reader.u8()
    digits = reader.u8() if base >= 2 else 0
    coding, low = reader.u8(), reader.varint()
    if coding == 0:
        stored = [0] * count
    elif coding == 1:
        stored = join_planes([reader.section() for _ in range(reader.u8())], count)
    elif coding == 2:
        stored = read_classes(reader.section(), reader.section())
    else:
        check(coding == 3, f"numbers stored in way {coding}")
        entries = reader.varint()
        table = Reader(reader.section())
        table = [table.varint() for _ in range(entries)]
        stored = [table[at] for at in join_planes([reader.section() for _ in range(reader.u8())], count)]
    check(len(stored) == count, "there are more or fewer numbers than texts")
    if base == 0:
        return [signed(number + low) for number in stored]
    numbers, before = [], 0
    for at, number in enumerate(stored):
        if base == 2:
            before = times[at] % (86400 * 10**9) // 10 ** (9 - digits)
        elif base == 3:
            before = times[at] // 10 ** (9 - digits)
        elif base == 4:
            before = times[at] % 10**9 // 10 ** (9 - digits)
        before = signed(before + unzigzag((number + low) & (1 << 64) - 1))
        numbers.append(before)
    return numbers


def read_classes(symbols, data):
    bits, at, numbers = int.from_bytes(data, "little"), 0, []
    for symbol in symbols:
        if symbol < 8:
            numbers.append(symbol)
            continue
        width = (symbol - 8) // 4 + 1
        numbers.append((4 + (symbol - 8) % 4 << width) + (bits >> at & (1 << width) - 1))
        at += width
    check((at + 7) // 8 == len(data), "classes do not match their bits")
    return numbers


def read_part(part):
    """(labels, time, line, metadata) of each row."""
    names, streams, blocks = read_footer(part)
    for rows, runs, columns in blocks:
        times, lengths, lines, metadata = [], [], [], {}
        for kind, offset, length, _, crc in columns:
            data = part[offset : offset + length]
            check(crc32c(data) == crc, f"the column at {offset} is damaged")
            reader = Reader(data)
            if kind == 0:
                times = read_times(reader, rows)
            elif kind == 1:
                lengths = read_lengths(reader, rows)
            elif kind == 2:
                lines = read_lines(reader, lengths, times)
            else:
                metadata[names[kind - 3]] = read_metadata(reader, rows)
            reader.end()
        first = 0
        for stream, count in runs:
            for row in range(first, first + count):
                pairs = {name: values[row] for name, values in metadata.items() if values[row] is not None}
                yield dict(streams[stream]), times[row], lines[row], pairs
            first += count


def main():
    with open(sys.argv[1], "rb") as file:
        data = file.read()
    for tenant, _, part in read_object(data):
        for labels, time, line, metadata in read_part(part):
            print(json.dumps([tenant, labels, time, line.hex(), metadata], sort_keys=True))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    DECOMPRESS = find_zstd()
    main()
