//! The hospital as HL7 v2 messages: what its interfaces sent, as an export job wrote it down night by night.
//!
//! Each interface has its own habits: line ends, batches or MLLP frames, character set, version. The job takes some
//! patients each night and writes a file for each interface, in the order in which the messages were sent.
//!
//! Not for: reading messages.

mod clinical;
mod message;
mod papers;
mod pharmacy;
mod registration;

use super::super::calendar::Day;
use super::super::manifest::Planted;
use super::super::people::Person;
use super::super::{Options, SynthError};
use super::Writer;
use super::output::Output;
use super::records::Records;
use message::{HOSPITAL, Message};

/// Patients that the export job takes in one night.
const PATIENTS: usize = 8;

/// How the messages of an interface lie in their file.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// FHS, BHS, messages, BTS, FTS.
    Batch,
    /// One frame after the other, as a listener saw them.
    Mllp,
}

/// An interface of the old system.
struct Interface {
    name: &'static str,
    /// Message codes (MSH-9.1) that it sends.
    codes: &'static [&'static str],
    version: &'static str,
    line_end: &'static str,
    frame: Frame,
    /// MSH-18; none means ISO 8859-1 where the texts allow it.
    charset: &'static str,
}

const UTF8: &str = "UNICODE UTF-8";

const INTERFACES: [Interface; 7] = [
    Interface { name: "ADT", codes: &["ADT", "PPR"], version: "2.6", line_end: "\r", frame: Frame::Batch, charset: UTF8 },
    Interface { name: "LAB", codes: &["ORU"], version: "2.5.1", line_end: "\r\n", frame: Frame::Batch, charset: UTF8 },
    Interface { name: "DOC", codes: &["MDM"], version: "2.5.1", line_end: "\r", frame: Frame::Mllp, charset: UTF8 },
    Interface { name: "IMM", codes: &["VXU"], version: "2.5.1", line_end: "\n", frame: Frame::Batch, charset: UTF8 },
    Interface {
        name: "RX",
        codes: &["RDE", "RDS", "RAS"],
        version: "2.5",
        line_end: "\r\n",
        frame: Frame::Batch,
        charset: "8859/1",
    },
    Interface { name: "SCH", codes: &["SIU"], version: "2.3.1", line_end: "\r", frame: Frame::Mllp, charset: UTF8 },
    Interface { name: "FIN", codes: &["DFT"], version: "2.3", line_end: "\r", frame: Frame::Batch, charset: UTF8 },
];

/// Gathers a night's messages.
pub(super) struct Messages {
    options: Options,
    night: i64,
    patients: usize,
    waiting: Vec<Message>,
    /// Messages sent so far, for control ids.
    sent: u64,
}

impl Messages {
    pub fn new(options: &Options) -> Messages {
        Messages { options: options.clone(), night: 0, patients: 0, waiting: Vec::new(), sent: 0 }
    }

    /// Writes the files of a night.
    fn flush(&mut self, out: &mut Output) -> Result<(), SynthError> {
        self.night += 1;
        self.patients = 0;
        let mut waiting = std::mem::take(&mut self.waiting);
        waiting.sort_by(|a, b| a.at.cmp(&b.at));
        let night = Day::CUTOVER.plus(self.night).to_string().replace('-', "");
        for interface in &INTERFACES {
            let file = format!("{}_{night}.hl7", interface.name);
            let own: Vec<&Message> = waiting.iter().filter(|m| interface.codes.contains(&code(m))).collect();
            if !own.is_empty() {
                let bytes = self.batch(interface, &night, &own);
                out.file(&file, &bytes)?;
            }
            for (number, message) in (1..).zip(&own) {
                let mut kind = message.kind.splitn(3, '^').take(2);
                out.count(&file, &format!("hl7v2:{}^{}", kind.next().unwrap_or(""), kind.next().unwrap_or("")), 1);
                if let Some((what, whom)) = &message.planted {
                    let (what, id) = ((*what).to_owned(), Some(whom.clone()));
                    out.planted(Planted { what, file: file.clone(), line: number, fate: "archived".into(), id });
                }
            }
        }
        Ok(())
    }

    fn batch(&mut self, interface: &Interface, night: &str, messages: &[&Message]) -> Vec<u8> {
        let end = interface.line_end;
        let mut bytes = Vec::new();
        let is_batch = interface.frame == Frame::Batch;
        if is_batch {
            let app = format!("|^~\\&|{}|{HOSPITAL}|ARCHIVE|{HOSPITAL}|{night}230000-0400", interface.name);
            bytes.extend(format!("FHS{app}{end}BHS{app}{end}").bytes());
        }
        for message in messages {
            self.sent += 1;
            let text = self.header(interface, message) + &message.body;
            if !is_batch {
                bytes.push(0x0B);
            }
            match interface.charset {
                "8859/1" if is_latin(&text) => bytes.extend(text.replace('\r', end).chars().map(|c| c as u8)),
                _ => bytes.extend(text.replace('\r', end).bytes()),
            }
            if !is_batch {
                bytes.extend([0x1C, b'\r']);
            }
        }
        if is_batch {
            bytes.extend(format!("BTS|{}{end}FTS|1{end}", messages.len()).bytes());
        }
        bytes
    }

    fn header(&self, interface: &Interface, message: &Message) -> String {
        let (name, version, at, kind) = (interface.name, interface.version, &message.at, message.kind);
        // Structures came with 2.3.1.
        let kind = if version < "2.3.1" { kind.rsplit_once('^').map_or(kind, |(kind, _)| kind) } else { kind };
        let charset = if is_latin(&message.body) { interface.charset } else { UTF8 };
        let number = self.sent;
        format!("MSH|^~\\&|{name}|{HOSPITAL}|ARCHIVE|{HOSPITAL}|{at}||{kind}|{name}{number:08}|P|{version}||||||{charset}\r")
    }
}

impl Writer for Messages {
    fn patient(&mut self, person: &Person, records: &Records<'_>, out: &mut Output) -> Result<(), SynthError> {
        let messages = &mut self.waiting;
        registration::write(records, messages, out);
        clinical::write(records, messages, out);
        pharmacy::write(records, messages, out);
        papers::write(records, messages, out);
        if self.options.damage {
            registration::plant(&self.options, person, messages, out);
        }
        self.patients += 1;
        if self.patients == PATIENTS { self.flush(out) } else { Ok(()) }
    }

    fn finish(&mut self, out: &mut Output) -> Result<(), SynthError> {
        if self.patients > 0 { self.flush(out) } else { Ok(()) }
    }
}

fn code(message: &Message) -> &str {
    message.kind.split('^').next().unwrap_or_default()
}

/// Whether ISO 8859-1 has all letters of a text.
fn is_latin(text: &str) -> bool {
    text.chars().all(|c| (c as u32) < 0x100)
}
