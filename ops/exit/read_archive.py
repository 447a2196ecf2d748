#!/usr/bin/env python3
"""Reads one accession of a Chartkeep archive without Chartkeep, and writes its records and documents as they came.

    pip install zstandard
    python3 read_archive.py ARCHIVE/accessions/acc-… OUT

OUT/<Type>.ndjson          every record's original text, one a line (a text of several lines: OUT/<Type>/<ordinal>.json)
OUT/documents/attached/    attachments that stood in records as base64: <Type>-<ordinal>-<n>
OUT/documents/delivered/   files that came beside the records, under their own names
OUT/documents/kept/        what could not be read as a record, and envelopes of Bundles

The format is described in README.md beside this file. For data that you trust: it checks digests, not signatures.
"""
import base64, hashlib, json, struct, sys
from datetime import date, timedelta
from pathlib import Path
import zstandard

PLAIN, CONST, SIZED, SAME, MAP, UUID, UUID_CONST, TIME, TIME_CONST, DICT, DOCUMENT = range(11)
MOVED = None  # stands for a value whose bytes lie in the documents


class Cursor:
    def __init__(self, data):
        self.data, self.at = data, 0

    def varint(self):  # LEB128
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def zigzag(self):
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def take(self, length):
        self.at += length
        return self.data[self.at - length : self.at]

    def line(self):
        end = self.data.index(b"\n", self.at)
        return self.take(end - self.at + 1)[:-1]


def frames(path, dictionary):
    """Yields (unpacked bytes, bytes stored as they are, items, base) of each frame of a framed file."""
    data = path.read_bytes()
    packed_footer, plain_footer = struct.unpack("<II", data[-48:-40])
    footer_at = len(data) - 48 - packed_footer
    footer = zstandard.ZstdDecompressor().decompress(data[footer_at:-48], max_output_size=plain_footer)
    cursor, offset = Cursor(footer), 8
    metas = [[cursor.varint() for _ in range(5)] for _ in range(cursor.varint())]
    unpack = zstandard.ZstdDecompressor(dict_data=zstandard.ZstdCompressionDict(dictionary) if dictionary else None)
    for packed, side, raw, items, base in metas:
        stored = data[offset : offset + packed + side]
        assert hashlib.sha256(stored).digest() == cursor.take(32), f"{path}: damaged at byte {offset}"
        yield unpack.decompress(stored[:packed], max_output_size=raw), stored[packed:], items, base
        offset += packed + side


def templates(path):
    """Each template, cut at its markers: bytes 1 (a string) and 2 (a number or literal) stand for a record's values."""
    data = path.read_bytes()
    cursor = Cursor(zstandard.ZstdDecompressor().decompress(data[8:], max_output_size=struct.unpack("<Q", data[:8])[0]))
    texts = [cursor.take(cursor.varint()) for _ in range(cursor.varint())]
    return [text.replace(b"\x02", b"\x01").split(b"\x01") for text in texts]


def times(cursor):
    zones = [cursor.take(cursor.varint()) for _ in range(cursor.varint())]
    days, day = [], 0
    for _ in range(cursor.varint()):
        day += cursor.zigzag()
        days.append(day)
    clocks = [int.from_bytes(cursor.take(3), "little") for _ in days]
    made = []
    for day, clock in zip(days, clocks):
        when = date(1970, 1, 1) + timedelta(days=day)
        text = f"{when.isoformat()}T{clock // 3600:02}:{clock // 60 % 60:02}:{clock % 60:02}"
        made.append(text.encode() + zones[cursor.varint()])
    return made


def table_values(cursor, rows, table, state, prefix=b""):
    """Values named by their number in a table: 0 is the next new one, else a step from the last number."""
    values, last = [], 0
    for _ in range(rows):
        code = cursor.varint()
        if code == 0:
            number, state[0] = state[0], state[0] + 1
        else:
            number = last + ((code - 1) >> 1 ^ -((code - 1) & 1))
        values.append(prefix + table[number])
        last = number
    return values


def column(cursor, rows, done, uuids, next_uuid, clock, next_time):
    form = cursor.take(1)[0]
    if form == PLAIN:
        return [cursor.line() for _ in range(rows)]
    if form == CONST:
        return [cursor.take(cursor.varint())] * rows
    if form == SIZED:
        lengths = [cursor.varint() for _ in range(rows)]
        return [cursor.take(length - 1) if length else MOVED for length in lengths]
    if form == SAME:
        return done[cursor.varint()]
    if form == MAP:  # a function of an earlier column: one value for each of its distinct values
        arguments = done[cursor.varint()]
        distinct = dict.fromkeys(arguments)
        for argument in distinct:
            distinct[argument] = cursor.line()
        return [distinct[argument] for argument in arguments]
    if form == DICT:
        values = [cursor.line() for _ in range(cursor.varint())]
        return [values[number] for number in cursor.take(rows)]
    if form in (UUID, UUID_CONST):
        prefix = cursor.take(cursor.varint())
        values = table_values(cursor, rows if form == UUID else 1, uuids, next_uuid, prefix)
    elif form in (TIME, TIME_CONST):
        values = table_values(cursor, rows if form == TIME else 1, clock, next_time)
    elif form == DOCUMENT:
        values = [MOVED]
    else:
        raise ValueError(f"unknown form {form}")
    return values if form in (UUID, TIME) else values * rows


def records(payload, side):
    """The records of a chart frame in order: (shape number, values)."""
    cursor = Cursor(payload)
    count = cursor.varint()
    groups = [[cursor.varint(), cursor.varint(), 0] for _ in range(cursor.varint())]  # shape, values, rows
    order = []
    while len(order) < count:
        group, run = cursor.varint(), cursor.varint()
        order += [(group, groups[group][2] + i) for i in range(run)]
        groups[group][2] += run
    clock = times(cursor)
    hexes = [side[i : i + 16].hex() for i in range(0, len(side), 16)]
    uuids = [f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}".encode() for h in hexes]
    next_uuid, next_time, columns = [0], [0], []
    for _, values, rows in groups:
        done = []
        for _ in range(values):
            done.append(column(cursor, rows, done, uuids, next_uuid, clock, next_time))
        columns.append(done)
    return [(groups[g][0], [values[row] for values in columns[g]]) for g, row in order]


def documents(path, dictionary):
    for raw, _, _, _ in frames(path, dictionary):
        cursor = Cursor(raw)
        lengths = [cursor.varint() for _ in range(cursor.varint())]
        yield from (cursor.take(length) for length in lengths)


def save(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def main(accession, out):
    generation = max(p for p in accession.iterdir() if p.is_dir())
    shapes = templates(generation / "charts/shapes.zst")
    chart_dictionary = (generation / "charts/dictionary").read_bytes()
    document_dictionary = (generation / "documents/dictionary").read_bytes()
    out.mkdir(parents=True)
    files, ordinal = {}, 0
    for chart in sorted((generation / "charts").glob("*.frames")):
        pack = documents(generation / "documents" / (chart.stem + ".pack"), document_dictionary)
        for payload, side, _, _ in frames(chart, chart_dictionary):
            for shape, values in records(payload, side):
                pieces = shapes[shape - 1] if shape else [b"", b""]  # shape 0: the one value is the whole text
                moved = [next(pack) for value in values if value is MOVED]
                encoded = iter([base64.b64encode(document) for document in moved])
                filled = [next(encoded) if value is MOVED else value for value in values]
                text = pieces[0] + b"".join(value + piece for value, piece in zip(filled, pieces[1:]))
                kind = json.loads(text)["resourceType"]
                if b"\n" in text:
                    save(out / kind / f"{ordinal}.json", text)
                else:
                    if kind not in files:
                        files[kind] = open(out / f"{kind}.ndjson", "wb")
                    files[kind].write(text + b"\n")
                for number, document in enumerate(moved):
                    save(out / f"documents/attached/{kind}-{ordinal}-{number}", document)
                ordinal += 1
    for file in files.values():
        file.close()
    delivered = json.loads((generation / "ledger/files.json").read_bytes())["files"]
    # Files that are kept whole lie in pieces, one behind the other.
    names = {file["document"] + n: (file["name"], n) for file in delivered if "document" in file for n in range(file["pieces"])}
    kept = sorted((generation / "documents").glob("*.pack"))[-1]
    for number, document in enumerate(documents(kept, document_dictionary)):
        if number in names:
            name, piece = names[number]
            assert ".." not in Path(name).parts, "a file name that leads out of the folder"
            path = out / "documents/delivered" / name.lstrip("/")
            if piece == 0:
                save(path, document)
            else:
                with open(path, "ab") as whole:
                    whole.write(document)
        else:
            save(out / f"documents/kept/{number}", document)
    print(f"{ordinal} records")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
