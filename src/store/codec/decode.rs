//! Reading a frame payload. Every count and range is checked: a payload is untrusted until its digest has been.
//!
//! Not for: writing (`encode`).

use ahash::AHashMap;

use super::wire::{Cursor, push_time, push_uuid};
use super::{CodecError, WHOLE, form};
use crate::limits;

/// A range of the arena; `MOVED` stands for a leaf in the documents.
type Span = (u32, u32);
const MOVED: Span = (u32::MAX, u32::MAX);

enum Column {
    /// One value for every row.
    Const(Span),
    Rows(Vec<Span>),
    /// The same as an earlier column of the group.
    Same(u32),
}

struct Group {
    shape: u32,
    rows: u32,
    columns: Vec<Column>,
}

/// A decoded frame: every leaf of every record, as slices of one arena.
pub struct Decoded {
    arena: Vec<u8>,
    groups: Vec<Group>,
    records: Vec<(u32, u32)>,
}

/// All records of one shape in a frame.
#[derive(Clone, Copy)]
pub struct GroupView<'a> {
    frame: &'a Decoded,
    group: usize,
}

impl Decoded {
    /// Reads a payload with its UUID table. `leaves_of` tells how many leaves a shape has; a payload that says otherwise
    /// is refused.
    pub fn read(payload: Vec<u8>, uuids: &[u8], leaves_of: &dyn Fn(u32) -> Option<usize>) -> Result<Decoded, CodecError> {
        if payload.len() > limits::FRAME_PAYLOAD_MAX || !uuids.len().is_multiple_of(16) {
            return Err(CodecError("out of bounds"));
        }
        let source = payload;
        let mut cursor = Cursor::new(&source);
        let count = cursor.count(source.len().max(1) * 64)?;
        let group_count = cursor.count(count.max(1))?;
        let mut groups = Vec::with_capacity(group_count);
        for _ in 0..group_count {
            let shape = u32::try_from(cursor.varint()?).map_err(|_| CodecError("a shape number is out of bounds"))?;
            let leaves = cursor.count(limits::LEAVES_MAX)?;
            let expected = if shape == WHOLE { Some(1) } else { leaves_of(shape) };
            if expected != Some(leaves) {
                return Err(CodecError("a shape is unknown or has another number of leaves"));
            }
            groups.push(Group { shape, rows: 0, columns: Vec::with_capacity(leaves) });
        }
        let leaves: Vec<usize> = groups.iter().map(|g| g.columns.capacity()).collect();
        let records = read_order(&mut cursor, count, &mut groups)?;
        let times = Times::read(&mut cursor)?;
        let mut tables = Tables { uuids, times, next_uuid: 0, next_time: 0, arena: Vec::new() };
        for (group, leaves) in groups.iter_mut().zip(leaves) {
            for _ in 0..leaves {
                let column = tables.column(&mut cursor, group)?;
                group.columns.push(column);
            }
        }
        if cursor.at != source.len() {
            return Err(CodecError("bytes after the end"));
        }
        // Texts made from the tables lie behind the payload in one arena; spans below its length are the payload's own.
        let made = tables.arena;
        let mut arena = source;
        arena.extend_from_slice(&made);
        Ok(Decoded { arena, groups, records })
    }

    pub fn len(&self) -> usize {
        self.records.len()
    }

    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    #[inline]
    pub fn shape(&self, record: usize) -> u32 {
        self.groups[self.records[record].0 as usize].shape
    }

    /// One leaf of one record; `None` when it stands in the documents.
    #[inline]
    pub fn leaf(&self, record: usize, leaf: usize) -> Option<&[u8]> {
        let (group, row) = self.records[record];
        self.cell(group as usize, row as usize, leaf)
    }

    #[inline]
    fn cell(&self, group: usize, row: usize, leaf: usize) -> Option<&[u8]> {
        let columns = &self.groups[group].columns;
        let mut column = columns.get(leaf)?;
        while let Column::Same(other) = column {
            column = &columns[*other as usize];
        }
        let span = match column {
            Column::Const(span) => *span,
            Column::Rows(spans) => spans[row],
            Column::Same(_) => MOVED,
        };
        if span == MOVED { None } else { Some(&self.arena[span.0 as usize..span.1 as usize]) }
    }

    pub fn groups(&self) -> impl Iterator<Item = GroupView<'_>> {
        (0..self.groups.len()).map(|group| GroupView { frame: self, group })
    }

    /// The group number and row of a record.
    pub fn place(&self, record: usize) -> (usize, usize) {
        let (group, row) = self.records[record];
        (group as usize, row as usize)
    }
}

impl<'a> GroupView<'a> {
    pub fn shape(&self) -> u32 {
        self.frame.groups[self.group].shape
    }

    pub fn rows(&self) -> usize {
        self.frame.groups[self.group].rows as usize
    }

    pub fn leaf(&self, row: usize, leaf: usize) -> Option<&'a [u8]> {
        self.frame.cell(self.group, row, leaf)
    }
}

fn read_order(cursor: &mut Cursor<'_>, count: usize, groups: &mut [Group]) -> Result<Vec<(u32, u32)>, CodecError> {
    let mut records = Vec::with_capacity(count);
    while records.len() < count {
        let group = cursor.count(groups.len().saturating_sub(1))?;
        let run = cursor.count(count - records.len())?;
        if run == 0 {
            return Err(CodecError("an empty run"));
        }
        let slot = groups.get_mut(group).ok_or(CodecError("no such group"))?;
        for _ in 0..run {
            records.push((group as u32, slot.rows));
            slot.rows += 1;
        }
    }
    Ok(records)
}

struct Times<'a> {
    zones: Vec<&'a [u8]>,
    list: Vec<(i64, u16)>,
}

impl<'a> Times<'a> {
    fn read(cursor: &mut Cursor<'a>) -> Result<Times<'a>, CodecError> {
        let mut zones = Vec::new();
        for _ in 0..cursor.count(255)? {
            let length = cursor.count(64)?;
            zones.push(cursor.slice(length)?);
        }
        let count = cursor.count(cursor.bytes.len())?;
        let mut days = Vec::with_capacity(count);
        let mut day = 0i64;
        for _ in 0..count {
            let step = cursor.varint()?;
            day = day.wrapping_add(((step >> 1) as i64) ^ -((step & 1) as i64));
            if !(-800_000..=4_000_000).contains(&day) {
                return Err(CodecError("a day is out of bounds"));
            }
            days.push(day);
        }
        let clocks = cursor.slice(count * 3)?;
        let mut list = Vec::with_capacity(count);
        for (day, clock) in days.into_iter().zip(clocks.chunks_exact(3)) {
            let zone = cursor.count(zones.len().saturating_sub(1))?;
            let clock = i64::from(u32::from_le_bytes([clock[0], clock[1], clock[2], 0]));
            list.push((day * 86_400 + clock, zone as u16));
        }
        if !list.is_empty() && zones.is_empty() {
            return Err(CodecError("a time without a zone"));
        }
        Ok(Times { zones, list })
    }
}

struct Tables<'a> {
    uuids: &'a [u8],
    times: Times<'a>,
    next_uuid: usize,
    next_time: usize,
    /// Texts made from the tables; their spans start at the payload's length.
    arena: Vec<u8>,
}

impl Tables<'_> {
    fn column(&mut self, cursor: &mut Cursor<'_>, group: &Group) -> Result<Column, CodecError> {
        let rows = group.rows as usize;
        match cursor.byte()? {
            form::PLAIN => Ok(Column::Rows((0..rows).map(|_| line(cursor)).collect::<Result<_, _>>()?)),
            form::CONST => {
                let length = cursor.count(cursor.bytes.len())?;
                Ok(Column::Const(span(cursor.take(length)?)))
            }
            form::SIZED => sized(cursor, rows),
            form::SAME => {
                let other = cursor.count(group.columns.len().wrapping_sub(1).min(limits::LEAVES_MAX))?;
                if other >= group.columns.len() {
                    return Err(CodecError("no such column"));
                }
                Ok(Column::Same(other as u32))
            }
            form::MAP => self.map(cursor, group),
            form::DICT => {
                let distinct = cursor.count(255)?;
                let values = (0..distinct).map(|_| line(cursor)).collect::<Result<Vec<_>, _>>()?;
                let ids = cursor.slice(rows)?;
                let spans = ids.iter().map(|id| values.get(usize::from(*id)).copied().ok_or(CodecError("no such value")));
                Ok(Column::Rows(spans.collect::<Result<_, _>>()?))
            }
            tag @ (form::UUID | form::UUID_CONST) => self.uuids(cursor, rows, tag == form::UUID_CONST),
            tag @ (form::TIME | form::TIME_CONST) => self.times(cursor, rows, tag == form::TIME_CONST),
            form::DOCUMENT => Ok(Column::Const(MOVED)),
            _ => Err(CodecError("an unknown form")),
        }
    }

    fn map(&mut self, cursor: &mut Cursor<'_>, group: &Group) -> Result<Column, CodecError> {
        let other = cursor.count(limits::LEAVES_MAX)?;
        let mut column = group.columns.get(other).ok_or(CodecError("no such column"))?;
        while let Column::Same(earlier) = column {
            column = &group.columns[*earlier as usize];
        }
        let Column::Rows(spans) = column else { return Err(CodecError("a function of a constant")) };
        // Arguments are numbered by first appearance; equal spans are equal values, others are compared.
        let mut seen: AHashMap<&[u8], u32> = AHashMap::new();
        let mut ids = Vec::with_capacity(spans.len());
        let mut last: Option<(Span, u32)> = None;
        for argument in spans {
            let id = match last {
                Some((before, id)) if before == *argument => id,
                _ => {
                    let next = seen.len() as u32;
                    *seen.entry(self.text(cursor.bytes, *argument)?).or_insert(next)
                }
            };
            last = Some((*argument, id));
            ids.push(id);
        }
        let distinct = seen.len();
        drop(seen);
        let values = (0..distinct).map(|_| line(cursor)).collect::<Result<Vec<_>, _>>()?;
        Ok(Column::Rows(ids.into_iter().map(|id| values[id as usize]).collect()))
    }

    fn text<'b>(&'b self, payload: &'b [u8], (start, end): Span) -> Result<&'b [u8], CodecError> {
        let (start, end) = (start as usize, end as usize);
        let slice = match start.checked_sub(payload.len()) {
            Some(start) => self.arena.get(start..end - payload.len()),
            None => payload.get(start..end),
        };
        slice.ok_or(CodecError("a value is missing"))
    }

    fn uuids(&mut self, cursor: &mut Cursor<'_>, rows: usize, constant: bool) -> Result<Column, CodecError> {
        let length = cursor.count(cursor.bytes.len())?;
        let prefix = cursor.slice(length)?;
        let (uuids, _) = self.uuids.as_chunks::<16>();
        let numbers = numbers(cursor, if constant { 1 } else { rows }, &mut self.next_uuid, uuids.len())?;
        let spans = written(&mut self.arena, cursor.bytes.len(), &numbers, |arena, number| {
            arena.extend_from_slice(prefix);
            push_uuid(arena, &uuids[number]);
        });
        Ok(if constant { Column::Const(spans[0]) } else { Column::Rows(spans) })
    }

    fn times(&mut self, cursor: &mut Cursor<'_>, rows: usize, constant: bool) -> Result<Column, CodecError> {
        let times = &self.times;
        let numbers = numbers(cursor, if constant { 1 } else { rows }, &mut self.next_time, times.list.len())?;
        let spans = written(&mut self.arena, cursor.bytes.len(), &numbers, |arena, number| {
            let (seconds, zone) = times.list[number];
            push_time(arena, seconds, times.zones[usize::from(zone)]);
        });
        Ok(if constant { Column::Const(spans[0]) } else { Column::Rows(spans) })
    }
}

/// Writes the text of each number to the arena, whose first byte counts as `base`; a number like the one before it
/// shares its text.
fn written(arena: &mut Vec<u8>, base: usize, numbers: &[usize], write: impl Fn(&mut Vec<u8>, usize)) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::with_capacity(numbers.len());
    for (at, number) in numbers.iter().enumerate() {
        if at > 0 && numbers[at - 1] == *number {
            spans.push(spans[at - 1]);
            continue;
        }
        let start = arena.len() + base;
        write(arena, *number);
        spans.push((start as u32, (arena.len() + base) as u32));
    }
    spans
}

/// Reads `count` numbers of a table of `total` entries: 0 is the next new one, else a step from the number before.
fn numbers(cursor: &mut Cursor<'_>, count: usize, next: &mut usize, total: usize) -> Result<Vec<usize>, CodecError> {
    let mut out = Vec::with_capacity(count);
    let mut last = 0i64;
    for _ in 0..count {
        let code = cursor.varint()?;
        let number = if code == 0 {
            *next += 1;
            *next as i64 - 1
        } else {
            let step = code - 1;
            last.wrapping_add(((step >> 1) as i64) ^ -((step & 1) as i64))
        };
        if number < 0 || number as usize >= total {
            return Err(CodecError("no such table entry"));
        }
        last = number;
        out.push(number as usize);
    }
    if out.is_empty() {
        return Err(CodecError("an empty column"));
    }
    Ok(out)
}

fn sized(cursor: &mut Cursor<'_>, rows: usize) -> Result<Column, CodecError> {
    let lengths = (0..rows).map(|_| cursor.count(cursor.bytes.len() + 1)).collect::<Result<Vec<_>, _>>()?;
    let mut spans = Vec::with_capacity(rows);
    for length in lengths {
        spans.push(match length.checked_sub(1) {
            None => MOVED,
            Some(length) => span(cursor.take(length)?),
        });
    }
    Ok(Column::Rows(spans))
}

fn line(cursor: &mut Cursor<'_>) -> Result<Span, CodecError> {
    let rest = &cursor.bytes[cursor.at..];
    let length = memchr::memchr(b'\n', rest).ok_or(CodecError("a value without an end"))?;
    let range = cursor.take(length)?;
    cursor.at += 1;
    Ok(span(range))
}

fn span(range: std::ops::Range<usize>) -> Span {
    (range.start as u32, range.end as u32)
}
