//! Filling the projection from the log: batches of entries, each one transaction.
//!
//! Not for: asking it.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sqlx::{QueryBuilder, Sqlite, SqliteConnection};

use super::{INDEXES, Known, OversightError, Projection};
use crate::audit::{self, EntryPlace, Followed, Follower, leaf_hash};
use crate::oversight::line::Line;

/// Entries of one transaction.
const BATCH: usize = 5_000;
/// Rows of one INSERT: their values stay within what SQLite binds at once.
const ROWS_AT_ONCE: usize = 400;
/// Every so-manieth entry has its place written down.
pub(super) const PLACE_EVERY: u64 = 256;
/// Bits of an act's id for the number of the entry, and of the patient in it.
const SEQ_BITS: u32 = 32;
const PATIENT_BITS: u32 = 17;
/// Names held in memory; beyond that they are looked up again.
const KNOWN_MAX: usize = 200_000;
/// Longest text that is kept of an address, a session, a client.
const WORD_MAX: usize = 256;
pub(super) const DAY_US: i64 = 86_400_000_000;

/// The id of an act: stream, entry, patient of the entry.
pub(super) fn act_id(stream: i64, seq: u64, patient: usize) -> i64 {
    let number = i64::try_from(patient).unwrap_or(i64::MAX).min((1 << PATIENT_BITS) - 1);
    (stream << (SEQ_BITS + PATIENT_BITS)) | (seq.cast_signed() << PATIENT_BITS) | number
}

/// Stream and entry of an act's id.
pub(super) fn entry_of(id: i64) -> (i64, u64) {
    (id >> (SEQ_BITS + PATIENT_BITS), ((id >> PATIENT_BITS) & ((1 << SEQ_BITS) - 1)).unsigned_abs())
}

/// The number of the patient in the entry.
pub(super) fn patient_number(id: i64) -> usize {
    usize::try_from(id & ((1 << PATIENT_BITS) - 1)).unwrap_or_default()
}

/// Whether an act's id is of the first row of its entry, as a condition of SQL.
pub(super) const IS_FIRST: &str = "((act.id & 131071) = 0)";

/// One row of `act`.
struct Row {
    id: i64,
    at: i64,
    user: i64,
    patient: Option<i64>,
    words: [i64; 10],
    break_glass: Option<i64>,
    outcome: i64,
    records: i64,
    hits: Option<i64>,
    off_hours: bool,
    hour: i64,
}

impl Projection {
    pub(super) async fn fill(&self, known: &mut Known) -> Result<u64, OversightError> {
        let mut entries = 0;
        for stream in audit::streams(&self.archive)? {
            loop {
                let read = self.fill_batch(&stream, known).await?;
                entries += read as u64;
                if read < BATCH {
                    break;
                }
            }
        }
        sqlx::raw_sql(INDEXES).execute(&self.pool).await?;
        self.settle().await?;
        Ok(entries)
    }

    /// Takes in at most a batch of one stream's next entries. Returns how many there were.
    async fn fill_batch(&self, name: &str, known: &mut Known) -> Result<usize, OversightError> {
        let mut transaction = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let epoch: String =
            sqlx::query_scalar("SELECT value FROM about WHERE name = 'epoch'").fetch_one(&mut *transaction).await?;
        let known_names = known.words.len() + known.patients.len() + known.users.len();
        if known.epoch != epoch || known_names > KNOWN_MAX {
            *known = Known { epoch, ..Known::default() };
        }
        let Some((stream, mut follower)) = self.cursor(&mut transaction, name).await? else { return Ok(0) };
        let mut read: Vec<Followed> = Vec::new();
        while read.len() < BATCH
            && let Some(entry) = follower.next_entry()?
        {
            read.push(entry);
        }
        let Some(last) = read.last() else {
            // The stream may just have been forgotten, which must be kept.
            transaction.commit().await?;
            return Ok(0);
        };
        if last.place.seq >> SEQ_BITS > 0 {
            return Err(OversightError::TooLong(name.to_string()));
        }
        let mut filler = Filler { stream, known, connection: &mut transaction, rows: Vec::new() };
        let mut days: BTreeSet<(i64, i64)> = BTreeSet::new();
        for entry in &read {
            let line = Line::parse(&entry.payload, entry.place.seq);
            let at = line.at();
            let user = filler.take(&line, self.hour_of(at)).await?;
            days.insert((user, at.div_euclid(DAY_US)));
        }
        filler.write_acts().await?;
        write_places(&mut transaction, stream, &read).await?;
        mark_stale(&mut transaction, days).await?;
        let next = follower.place();
        sqlx::query(
            "UPDATE stream SET next_seq = ?, segment = ?, offset = ?, last_segment = ?, last_offset = ?, last_leaf = ? WHERE id = ?",
        )
        .bind(next.seq.cast_signed())
        .bind(next.segment.cast_signed())
        .bind(next.offset.cast_signed())
        .bind(last.place.segment.cast_signed())
        .bind(last.place.offset.cast_signed())
        .bind(leaf_hash(&last.payload).to_vec())
        .bind(stream)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(read.len())
    }

    /// A stream's number and where it goes on, once its last entry is found to stand in the log as it did. `None`: it has no segment yet.
    async fn cursor(&self, connection: &mut SqliteConnection, name: &str) -> Result<Option<(i64, Follower)>, OversightError> {
        type Stored = (i64, i64, i64, i64, i64, i64, Vec<u8>);
        let stored: Option<Stored> = sqlx::query_as(
            "SELECT id, next_seq, segment, offset, last_segment, last_offset, last_leaf FROM stream WHERE name = ?",
        )
        .bind(name)
        .fetch_optional(&mut *connection)
        .await?;
        if let Some((stream, seq, segment, offset, last_segment, last_offset, leaf)) = stored {
            let place = |seq: i64, segment: i64, offset: i64| EntryPlace {
                seq: seq.unsigned_abs(),
                segment: segment.unsigned_abs(),
                offset: offset.unsigned_abs(),
            };
            let mut at_last = Follower::resume(&self.archive, name, place(seq - 1, last_segment, last_offset));
            let has_segment = at_last.has_segment();
            let stands = leaf.is_empty()
                || match at_last.next_entry()? {
                    Some(last) if last.place.seq + 1 == seq.unsigned_abs() => leaf_hash(&last.payload)[..] == leaf[..],
                    // An expired segment is gone by right, and what was taken of it stays.
                    Some(_) => true,
                    None => !has_segment,
                };
            if stands {
                return Ok(Some((stream, Follower::resume(&self.archive, name, place(seq, segment, offset)))));
            }
            tracing::warn!(stream = name, "the log does not stand as it was read before; the stream is read again");
            forget(connection, stream).await?;
        }
        let Some(follower) = Follower::start(&self.archive, name)? else { return Ok(None) };
        let next = follower.place();
        let stream = number_of(name).ok_or_else(|| OversightError::TooLong(name.to_string()))?;
        sqlx::query("INSERT INTO stream VALUES (?, ?, ?, ?, ?, 0, 0, x'') ON CONFLICT DO NOTHING")
            .bind(stream)
            .bind(name)
            .bind(next.seq.cast_signed())
            .bind(next.segment.cast_signed())
            .bind(next.offset.cast_signed())
            .execute(&mut *connection)
            .await?;
        Ok(Some((stream, follower)))
    }

    /// The hour of the clock on the wall where the archive runs, counted from 1970.
    fn hour_of(&self, at: i64) -> i64 {
        let Ok(instant) = Timestamp::from_microsecond(at) else { return 0 };
        (instant.as_second() + i64::from(self.zone.to_offset(instant).seconds())).div_euclid(3600)
    }
}

/// Before six, from eight in the evening, or at a weekend.
fn is_off(hour: i64) -> bool {
    // 1970 began on a Thursday.
    let weekday = (hour.div_euclid(24) + 3).rem_euclid(7);
    !(6..20).contains(&hour.rem_euclid(24)) || weekday >= 5
}

/// The number in a stream's name: the same in every projection, so that two of them can be compared.
fn number_of(name: &str) -> Option<i64> {
    name.strip_prefix('s')?.parse().ok().filter(|number| (0..1 << 14).contains(number))
}

async fn forget(connection: &mut SqliteConnection, stream: i64) -> Result<(), OversightError> {
    let (first, after) = (act_id(stream, 0, 0), act_id(stream + 1, 0, 0));
    for statement in [
        "INSERT INTO stale SELECT DISTINCT user, at / 86400000000 FROM act WHERE id >= ? AND id < ? ON CONFLICT DO NOTHING",
        "DELETE FROM act WHERE id >= ? AND id < ?",
    ] {
        sqlx::query(statement).bind(first).bind(after).execute(&mut *connection).await?;
    }
    for statement in ["DELETE FROM place WHERE stream = ?", "DELETE FROM stream WHERE id = ?"] {
        sqlx::query(statement).bind(stream).execute(&mut *connection).await?;
    }
    Ok(())
}

async fn write_places(connection: &mut SqliteConnection, stream: i64, read: &[Followed]) -> Result<(), OversightError> {
    let places = read.iter().enumerate().filter(|(at, entry)| *at == 0 || entry.place.seq % PLACE_EVERY == 0);
    let places: Vec<EntryPlace> = places.map(|(_, entry)| entry.place).collect();
    let mut insert = QueryBuilder::<Sqlite>::new("INSERT OR REPLACE INTO place (stream, seq, segment, offset) ");
    insert.push_values(places, |mut row, place| {
        row.push_bind(stream).push_bind(place.seq.cast_signed());
        row.push_bind(place.segment.cast_signed()).push_bind(place.offset.cast_signed());
    });
    insert.build().execute(connection).await?;
    Ok(())
}

async fn mark_stale(connection: &mut SqliteConnection, days: BTreeSet<(i64, i64)>) -> Result<(), OversightError> {
    let days: Vec<(i64, i64)> = days.into_iter().collect();
    for some in days.chunks(ROWS_AT_ONCE) {
        let mut insert = QueryBuilder::<Sqlite>::new("INSERT INTO stale (user, day) ");
        insert.push_values(some, |mut row, (user, day)| {
            row.push_bind(*user).push_bind(*day);
        });
        insert.push(" ON CONFLICT DO NOTHING");
        insert.build().execute(&mut *connection).await?;
    }
    Ok(())
}

/// Turns the entries of a batch into rows.
struct Filler<'a> {
    stream: i64,
    known: &'a mut Known,
    connection: &'a mut SqliteConnection,
    rows: Vec<Row>,
}

impl Filler<'_> {
    /// Takes in one entry; returns whose it is.
    async fn take(&mut self, line: &Line, hour: i64) -> Result<i64, OversightError> {
        let user = self.user(line).await?;
        let texts = [
            line.event.as_str(),
            line.action.as_str(),
            line.role(),
            line.purpose(),
            line.net.ip.as_str(),
            line.client.session.as_str(),
            line.client.client_id.as_str(),
            line.policy.as_str(),
            &line.domains.join(" "),
            &line.labels.join(" "),
        ];
        let mut words = [0; 10];
        for (word, text) in words.iter_mut().zip(texts) {
            *word = self.word(text).await?;
        }
        let break_glass = match line.btg.id.as_str() {
            "" => None,
            id => Some(self.word(id).await?),
        };
        let mut patients = Vec::new();
        for patient in &line.patients {
            patients.push(Some(self.patient(&patient.archive_id).await?));
        }
        if patients.is_empty() {
            patients.push(None);
        }
        for (number, patient) in patients.into_iter().enumerate() {
            self.rows.push(Row {
                id: act_id(self.stream, line.seq, number),
                at: line.at(),
                user,
                patient,
                words,
                break_glass,
                outcome: i64::from(line.outcome()),
                records: i64::try_from(line.records()).unwrap_or(i64::MAX),
                hits: line.query.hits.map(|hits| i64::try_from(hits).unwrap_or(i64::MAX)),
                off_hours: is_off(hour),
                hour,
            });
        }
        if self.rows.len() >= ROWS_AT_ONCE {
            self.write_acts_of(ROWS_AT_ONCE).await?;
        }
        Ok(user)
    }

    async fn write_acts(&mut self) -> Result<(), OversightError> {
        self.write_acts_of(1).await
    }

    /// Writes rows in full groups while there are at least so many, and with `1` all of them.
    async fn write_acts_of(&mut self, least: usize) -> Result<(), OversightError> {
        let mut rows = std::mem::take(&mut self.rows);
        while rows.len() >= least.max(1) {
            let rest = rows.split_off(rows.len().min(ROWS_AT_ONCE));
            let mut insert = QueryBuilder::<Sqlite>::new(
                "INSERT INTO act (id, at, user, patient, event, action, role, purpose, ip, session, client, policy, domains, \
                 labels, break_glass, outcome, records, hits, off_hours, hour) ",
            );
            insert.push_values(&rows, |mut values, row| {
                values.push_bind(row.id).push_bind(row.at).push_bind(row.user).push_bind(row.patient);
                for word in row.words {
                    values.push_bind(word);
                }
                values.push_bind(row.break_glass).push_bind(row.outcome).push_bind(row.records).push_bind(row.hits);
                values.push_bind(i64::from(row.off_hours)).push_bind(row.hour);
            });
            insert.build().execute(&mut *self.connection).await?;
            rows = rest;
        }
        self.rows = rows;
        Ok(())
    }

    async fn word(&mut self, text: &str) -> Result<i64, OversightError> {
        let text = cut(text);
        if let Some(id) = self.known.words.get(text) {
            return Ok(*id);
        }
        let id =
            sqlx::query_scalar("INSERT INTO word (text) VALUES (?) ON CONFLICT (text) DO UPDATE SET text = text RETURNING id")
                .bind(text)
                .fetch_one(&mut *self.connection)
                .await?;
        self.known.words.insert(text.to_string(), id);
        Ok(id)
    }

    async fn patient(&mut self, key: &str) -> Result<i64, OversightError> {
        let key = cut(key);
        if let Some(id) = self.known.patients.get(key) {
            return Ok(*id);
        }
        let insert = "INSERT INTO patient (key, number) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET key = key RETURNING id";
        let id = sqlx::query_scalar(insert).bind(key).bind(number_at_end(key)).fetch_one(&mut *self.connection).await?;
        self.known.patients.insert(key.to_string(), id);
        Ok(id)
    }

    /// The id of whoever acted; his name is the newest one.
    async fn user(&mut self, line: &Line) -> Result<i64, OversightError> {
        let (issuer, subject) = (cut(line.user.iss.as_str()), cut(line.user.sub.as_str()));
        let name = cut(line.user.name.as_str());
        let who = (issuer.to_string(), subject.to_string());
        if let Some((id, known)) = self.known.users.get(&who)
            && (known == name || name.is_empty())
        {
            return Ok(*id);
        }
        let insert = "INSERT INTO user (issuer, subject, name) VALUES (?, ?, ?) ON CONFLICT (issuer, subject) \
             DO UPDATE SET name = CASE excluded.name WHEN '' THEN name ELSE excluded.name END RETURNING id";
        let id = sqlx::query_scalar(insert).bind(issuer).bind(subject).bind(name).fetch_one(&mut *self.connection).await?;
        self.known.users.insert(who, (id, name.to_string()));
        Ok(id)
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(WORD_MAX)]
}

/// The digits that a key ends with, as a number.
fn number_at_end(key: &str) -> Option<i64> {
    let digits = key.bytes().rev().take_while(u8::is_ascii_digit).count();
    key.get(key.len() - digits..).filter(|digits| (1..=18).contains(&digits.len()))?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::datetime;
    use jiff::tz::TimeZone;

    #[test]
    fn nights_and_weekends_are_off_hours() {
        let hour = |day: i8, hour: i8| {
            let at = datetime(2026, 11, day, hour, 30, 0, 0).to_zoned(TimeZone::UTC).unwrap().timestamp();
            at.as_second().div_euclid(3600)
        };
        // The 20th of November 2026 is a Friday.
        for (day, at, off) in
            [(20, 5, true), (20, 6, false), (20, 19, false), (20, 20, true), (21, 12, true), (22, 12, true), (23, 12, false)]
        {
            assert_eq!(is_off(hour(day, at)), off, "{day} {at}");
        }
    }
}
