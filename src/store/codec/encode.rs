//! Writing a frame payload.
//!
//! Not for: reading it back (`decode`).

use ahash::AHashMap;

use super::form;
use super::wire::{put_bytes, put_varint, time_seconds, uuid_bytes};

/// One record on its way into a frame.
#[derive(Clone, Copy)]
pub struct RecordIn<'a> {
    pub shape: u32,
    /// The raw leaves in order; for the shape [`super::WHOLE`] the one leaf is the whole text.
    pub leaves: &'a [&'a [u8]],
    /// Which leaves were moved to the documents, ascending; their text is not stored here.
    pub moved: &'a [u16],
}

/// Reusable buffers for encoding frames.
#[derive(Default)]
pub struct Encoder {
    uuids: AHashMap<[u8; 16], u32>,
    uuid_bytes: Vec<u8>,
    times: AHashMap<(i64, u16), u32>,
    time_list: Vec<(i64, u16)>,
    zones: Vec<Vec<u8>>,
    body: Vec<u8>,
}

/// One stream in work: the number of each row's value, and the distinct values in order of first appearance.
struct Stream<'a> {
    ids: Vec<u32>,
    distinct: Vec<&'a [u8]>,
}

impl Encoder {
    /// Encodes records into (payload, UUID table). The table is kept apart because random bytes would only spoil the
    /// compression of the payload.
    pub fn encode(&mut self, records: &[RecordIn<'_>]) -> (Vec<u8>, Vec<u8>) {
        self.uuids.clear();
        self.uuid_bytes.clear();
        self.times.clear();
        self.time_list.clear();
        self.zones.clear();
        self.body.clear();
        let mut group_of: AHashMap<u32, usize> = AHashMap::new();
        let mut groups: Vec<(u32, Vec<usize>)> = Vec::new();
        let mut order = Vec::with_capacity(records.len());
        for (row, record) in records.iter().enumerate() {
            let group = *group_of.entry(record.shape).or_insert_with(|| {
                groups.push((record.shape, Vec::new()));
                groups.len() - 1
            });
            groups[group].1.push(row);
            order.push(group);
        }
        for (_, rows) in &groups {
            self.group(records, rows);
        }
        let mut out = Vec::with_capacity(self.body.len() + records.len() + 64);
        put_varint(&mut out, records.len() as u64);
        put_varint(&mut out, groups.len() as u64);
        for (shape, rows) in &groups {
            put_varint(&mut out, u64::from(*shape));
            put_varint(&mut out, records[rows[0]].leaves.len() as u64);
        }
        put_runs(&mut out, &order);
        self.put_times(&mut out);
        out.extend_from_slice(&self.body);
        (out, std::mem::take(&mut self.uuid_bytes))
    }

    fn put_times(&self, out: &mut Vec<u8>) {
        put_varint(out, self.zones.len() as u64);
        for zone in &self.zones {
            put_bytes(out, zone);
        }
        put_varint(out, self.time_list.len() as u64);
        let mut last = 0i64;
        for (seconds, _) in &self.time_list {
            // Days and seconds of the day are kept apart: days repeat and run on, seconds do not.
            let day = seconds.div_euclid(86_400);
            let step = day - last;
            put_varint(out, ((step << 1) ^ (step >> 63)) as u64);
            last = day;
        }
        for (seconds, _) in &self.time_list {
            let clock = seconds.rem_euclid(86_400) as u32;
            out.extend_from_slice(&clock.to_le_bytes()[..3]);
        }
        for (_, zone) in &self.time_list {
            put_varint(out, u64::from(*zone));
        }
    }

    fn group(&mut self, records: &[RecordIn<'_>], rows: &[usize]) {
        let leaves = records[rows[0]].leaves.len();
        let mut done: Vec<Option<Stream<'_>>> = Vec::with_capacity(leaves);
        for leaf in 0..leaves {
            let moved = rows.iter().filter(|row| records[**row].moved.contains(&(leaf as u16))).count();
            if moved == rows.len() {
                self.body.push(form::DOCUMENT);
                done.push(None);
                continue;
            }
            if moved > 0 || records[rows[0]].shape == super::WHOLE {
                self.sized(records, rows, leaf);
                done.push(None);
                continue;
            }
            let stream = number(records, rows, leaf);
            self.stream(&stream, &done);
            done.push(Some(stream));
        }
    }

    /// Values of any length and content, some of which may stand in the documents.
    fn sized(&mut self, records: &[RecordIn<'_>], rows: &[usize], leaf: usize) {
        self.body.push(form::SIZED);
        let is_moved = |row: usize| records[row].moved.contains(&(leaf as u16));
        for row in rows {
            // 0 stands for a value in the documents.
            let length = if is_moved(*row) { 0 } else { records[*row].leaves[leaf].len() as u64 + 1 };
            put_varint(&mut self.body, length);
        }
        for row in rows.iter().filter(|row| !is_moved(**row)) {
            self.body.extend_from_slice(records[*row].leaves[leaf]);
        }
    }

    fn stream(&mut self, stream: &Stream<'_>, done: &[Option<Stream<'_>>]) {
        let rows = stream.ids.len();
        let distinct = stream.distinct.len();
        if rows > 1 {
            let same = done.iter().position(|d| d.as_ref().is_some_and(|d| d.ids == stream.ids && d.distinct == stream.distinct));
            if let Some(other) = same {
                self.body.push(form::SAME);
                put_varint(&mut self.body, other as u64);
                return;
            }
        }
        if self.uuid_stream(stream) || self.time_stream(stream) {
            return;
        }
        if distinct == 1 {
            self.body.push(form::CONST);
            put_bytes(&mut self.body, stream.distinct[0]);
            return;
        }
        // A function of an earlier stream (display of code, unit of code …) costs one value per distinct argument.
        for (other, earlier) in done.iter().enumerate() {
            let Some(earlier) = earlier else { continue };
            if earlier.distinct.len() < distinct || earlier.distinct.len() * 4 > rows * 3 {
                continue;
            }
            if let Some(map) = function_of(stream, earlier) {
                self.body.push(form::MAP);
                put_varint(&mut self.body, other as u64);
                for id in map {
                    self.line(stream.distinct[id as usize]);
                }
                return;
            }
        }
        if distinct <= 250 && distinct * 2 <= rows {
            self.body.push(form::DICT);
            put_varint(&mut self.body, distinct as u64);
            for value in &stream.distinct {
                self.line(value);
            }
            self.body.extend(stream.ids.iter().map(|id| *id as u8));
            return;
        }
        self.body.push(form::PLAIN);
        for id in &stream.ids {
            self.line(stream.distinct[*id as usize]);
        }
    }

    /// A raw leaf holds no control characters, so a line feed can end it.
    fn line(&mut self, value: &[u8]) {
        self.body.extend_from_slice(value);
        self.body.push(b'\n');
    }

    fn uuid_stream(&mut self, stream: &Stream<'_>) -> bool {
        let first = stream.distinct[0];
        let Some(cut) = first.len().checked_sub(36) else { return false };
        let prefix = &first[..cut];
        let mut numbers = Vec::with_capacity(stream.distinct.len());
        for value in &stream.distinct {
            match (value.len() == first.len() && value.starts_with(prefix)).then(|| uuid_bytes(&value[cut..])).flatten() {
                Some(bytes) => numbers.push(bytes),
                None => return false,
            }
        }
        self.body.push(if numbers.len() == 1 { form::UUID_CONST } else { form::UUID });
        put_bytes(&mut self.body, prefix);
        let table: Vec<Option<u32>> = vec![None; numbers.len()];
        self.numbered(stream, table, |this, id| {
            let next = this.uuids.len() as u32;
            let (number, new) = match this.uuids.get(&numbers[id]) {
                Some(number) => (*number, false),
                None => (next, true),
            };
            if new {
                this.uuids.insert(numbers[id], next);
                this.uuid_bytes.extend_from_slice(&numbers[id]);
            }
            (number, new)
        });
        true
    }

    fn time_stream(&mut self, stream: &Stream<'_>) -> bool {
        let mut numbers = Vec::with_capacity(stream.distinct.len());
        for value in &stream.distinct {
            let Some((seconds, zone)) = time_seconds(value) else { return false };
            let zone_number = match self.zones.iter().position(|z| z == zone) {
                Some(number) => number,
                None if self.zones.len() < 200 => {
                    self.zones.push(zone.to_vec());
                    self.zones.len() - 1
                }
                None => return false,
            };
            numbers.push((seconds, zone_number as u16));
        }
        self.body.push(if numbers.len() == 1 { form::TIME_CONST } else { form::TIME });
        let table: Vec<Option<u32>> = vec![None; numbers.len()];
        self.numbered(stream, table, |this, id| {
            let next = this.time_list.len() as u32;
            match this.times.get(&numbers[id]) {
                Some(number) => (*number, false),
                None => {
                    this.times.insert(numbers[id], next);
                    this.time_list.push(numbers[id]);
                    (next, true)
                }
            }
        });
        true
    }

    /// Writes each row's number in a table of the frame: 0 for the next new one, else 1 + how far back it lies.
    /// A stream of one distinct value is written once.
    fn numbered(
        &mut self,
        stream: &Stream<'_>,
        mut table: Vec<Option<u32>>,
        mut number_of: impl FnMut(&mut Self, usize) -> (u32, bool),
    ) {
        let ids: &[u32] = if stream.distinct.len() == 1 { &stream.ids[..1] } else { &stream.ids };
        let mut last = 0i64;
        for id in ids {
            let (number, new) = match table[*id as usize] {
                Some(number) => (number, false),
                None => number_of(self, *id as usize),
            };
            table[*id as usize] = Some(number);
            if new {
                self.body.push(0);
            } else {
                let step = i64::from(number) - last;
                put_varint(&mut self.body, (((step << 1) ^ (step >> 63)) as u64) + 1);
            }
            last = i64::from(number);
        }
    }
}

fn put_runs(out: &mut Vec<u8>, order: &[usize]) {
    let mut at = 0;
    while at < order.len() {
        let run = order[at..].iter().take_while(|g| **g == order[at]).count();
        put_varint(out, order[at] as u64);
        put_varint(out, run as u64);
        at += run;
    }
}

fn number<'a>(records: &[RecordIn<'a>], rows: &[usize], leaf: usize) -> Stream<'a> {
    let mut ids = Vec::with_capacity(rows.len());
    let mut distinct: Vec<&[u8]> = Vec::new();
    let mut seen: AHashMap<&[u8], u32> = AHashMap::new();
    for row in rows {
        let value = records[*row].leaves[leaf];
        // Most neighbours are equal, and few values are many: look there before hashing.
        if let Some(last) = ids.last().copied()
            && distinct[last as usize] == value
        {
            ids.push(last);
            continue;
        }
        let next = distinct.len() as u32;
        let id = *seen.entry(value).or_insert(next);
        if id == next {
            distinct.push(value);
        }
        ids.push(id);
    }
    Stream { ids, distinct }
}

/// The value of `stream` for each distinct value of `earlier`, when there is exactly one.
fn function_of(stream: &Stream<'_>, earlier: &Stream<'_>) -> Option<Vec<u32>> {
    let mut map = vec![u32::MAX; earlier.distinct.len()];
    for (id, argument) in stream.ids.iter().zip(&earlier.ids) {
        let slot = &mut map[*argument as usize];
        if *slot == u32::MAX {
            *slot = *id;
        } else if *slot != *id {
            return None;
        }
    }
    Some(map)
}
