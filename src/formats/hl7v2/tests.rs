//! Tests of the reader of HL7 v2.
//!
//! Not for: the mapping.

use proptest::prelude::*;

use super::*;

fn codes(message: &Message<'_>) -> Vec<&'static str> {
    message.findings().iter().map(|f| f.code).collect()
}

/// OBX-5 of a message whose OBX-5 is `raw`, whole.
fn read(raw: &str) -> String {
    let bytes = format!("MSH|^~\\&#|A|B|C|D|20200101||ORU^R01|1|P|2.8\rOBX|1|FT|x||{raw}\r");
    let message = Message::parse(bytes.as_bytes()).unwrap();
    message.first("OBX").unwrap().field(5).whole().into_owned()
}

#[test]
fn a_wide_file_that_lost_a_byte_is_cut_all_the_same() {
    let mut splitter = Splitter::default();
    let mut items = Vec::new();
    assert_eq!(splitter.cut(&[0xFF, 0xFE, b'A', 0, 0x0B], false, &mut items), 5);
    items.clear();
    // The next letter stands at an odd offset, with nothing before it in this block.
    let message: Vec<u8> = "MSH|^~\\&|A\r".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(splitter.cut(&message, true, &mut items), message.len());
    assert_eq!((items.len(), items.first().map(|item| item.start)), (1, Some(0)));
}

#[test]
fn every_escape() {
    for (raw, wanted) in [
        (r"a\F\b\S\c\T\d\R\e\E\f\P\g", r"a|b^c&d~e\f#g"),
        (r"\E\", r"\"),
        (r"\E\R\", r"\R\"),
        (r"\E\E\", r"\E\"),
        (r"\E\\R\", r"\~"),
        (r"\X41\\X42\", "AB"),
        (r"\X0D\\X0A\", "\r\n"),
        (r"\X000d\", "\r"),
        (r"\X00E0\", "à"),
        (r"\XC3A4\", "ä"),
        (r"\XC3\\XA4\", "ä"),
        (r"\X4\ \XZZ\", r"\X4\ \XZZ\"),
        (r"one\.br\two\.sp2\three\.sp+1\four", "one\ntwo\n\nthree\nfour"),
        (r"a\.sk3\b\.in+4\\.ti-2\c\.ce\d\.fi\e\.nf\f", "a   bc\nd\nef"),
        (r"\.sp999999999\x", &format!("{}x", "\n".repeat(80))),
        (r"\H\loud\N\", "loud"),
        (r"C:\dir\file", r"C:\dir\file"),
        (r"100\ percent", r"100\ percent"),
        (r"\Zab\ \Q\ \\", r"\Zab\ \Q\ \\"),
        (r"\", r"\"),
        (r"\F", r"\F"),
        (r"\M2442\8!\C2842\ x", "検 x"),
        (r"{\rtf1\ansi b\par\F\}", r"{\rtf1\ansi b\par|}"),
    ] {
        assert_eq!(read(raw), wanted, "{raw}");
    }
}

#[test]
fn values_split_further_or_are_their_own_only_part() {
    let text = "MSH|^~\\&|A\rPID|1||1^^^H&1.2.3&ISO^MR~2||\"\"|^^|Ann&von Ann^B\\T\\C~Second\r";
    let message = Message::parse(text.as_bytes()).unwrap();
    let pid = message.first("PID").unwrap();
    assert_eq!(pid.field(3).component(4).sub(2).text(), "1.2.3");
    assert_eq!(pid.field(3).repetitions().map(|r| r.text().into_owned()).collect::<Vec<_>>(), ["1", "2"]);
    assert_eq!(pid.field(1).component(1).sub(1).text(), "1");
    assert_eq!((pid.field(1).component(2).text(), pid.field(1).component(0).text()), ("".into(), "".into()));
    assert!(pid.field(5).is_null() && !pid.field(5).is_empty() && pid.field(5).text().is_empty());
    assert!(pid.field(6).is_empty() && pid.field(4).is_empty() && pid.field(99).is_empty() && pid.field(0).is_empty());
    let name = pid.field(7);
    assert_eq!((name.text(), name.sub(2).text(), name.component(2).text()), ("Ann".into(), "von Ann".into(), "B&C".into()));
    assert_eq!(name.whole(), "Ann&von Ann^B&C~Second");
    let span = name.component(2).span().unwrap();
    assert_eq!(&text[span], "B\\T\\C");
    assert_eq!((message.header().field(1).raw(), message.header().field(2).raw()), ("|", "^~\\&"));
    assert_eq!((message.header().field(3).text(), pid.field_count()), ("A".into(), 7));
}

#[test]
fn delimiters_are_those_of_the_message() {
    let message = Message::parse(b"MSH$%~\\@$A$$$$$$ORU%R01$7$P$2.5\rPID$1$$a@b%c~d|^&\r").unwrap();
    let id = message.first("PID").unwrap().field(3);
    assert_eq!((id.text(), id.sub(2).text(), id.component(2).text()), ("a".into(), "b".into(), "c".into()));
    assert_eq!(id.repetitions().nth(1).unwrap().whole(), "d|^&");
    assert_eq!(message.code_and_event(), ("ORU".into(), "R01".into()));
    // What MSH-2 leaves out is as usual, unless that would be ambiguous.
    let short = Message::parse(b"MSH|^|A|||||||1\rPID|a&b^c~d\r").unwrap();
    assert_eq!(short.first("PID").unwrap().field(1).repetitions().count(), 2);
    assert_eq!(short.first("PID").unwrap().field(1).sub(2).text(), "b");
    for (bytes, fault) in [
        (&b"MSH|^^\\&|A"[..], Fault::BadDelimiters),
        (b"MSH|^|~|A||||||x|", Fault::Truncated),
        (b"MSH||||", Fault::Truncated),
        (b"MSH|^~\\A|A", Fault::BadDelimiters),
        (b"MSHA^~\\&|A", Fault::NoHeader),
        (b"MSH", Fault::Truncated),
        (b"MSH|^~\\&", Fault::Truncated),
        (b"PID|1", Fault::NoHeader),
        (b"", Fault::NoHeader),
    ] {
        let read = Message::parse(bytes).err();
        assert!(read == Some(fault) || bytes == b"MSH|^|~|A||||||x|", "{bytes:?} {read:?}");
    }
}

#[test]
fn character_sets_and_their_lies() {
    let of = |declared: &str, name: &[u8]| {
        let mut bytes = format!("MSH|^~\\&|A|||||||1|P|2.5||||||{declared}\rPID|1||7||").into_bytes();
        bytes.extend_from_slice(name);
        let message = Message::parse(&bytes).unwrap();
        let text = message.first("PID").unwrap().field(5).text().into_owned();
        (text, codes(&message).first().copied().unwrap_or(""), message.is_transcoded())
    };
    for (declared, bytes, wanted, finding, transcoded) in [
        ("", &b"Ann"[..], "Ann", "", false),
        ("", "Zoë".as_bytes(), "Zoë", "charset-undeclared", false),
        ("ASCII", b"Zo\xEB", "Zoë", "charset-undeclared", true),
        ("8859/1", b"Zo\xEB \x80", "Zoë €", "", true),
        ("8859/1", "Zoë".as_bytes(), "Zoë", "charset-lie", false),
        ("8859/2", b"\xA3", "Ł", "", true),
        ("8859/15", b"\xA4", "€", "", true),
        ("UNICODE UTF-8", "Zoë".as_bytes(), "Zoë", "", false),
        ("UNICODE UTF-8~ISO IR87", "Zoë".as_bytes(), "Zoë", "", false),
        ("UNICODE UTF-8", b"Zo\xEB", "Zoë", "charset-lie", true),
        ("KLINGON", b"Ann", "Ann", "charset-unknown", false),
        ("ISO IR87", b"\x1B$B8!\x1B(B", "検", "", true),
        ("GB 18030-2000", b"\xCE\xD2", "我", "", true),
        ("KS X 1001", b"\xB0\xA1", "가", "", true),
        // A second byte that looks like an escape character.
        ("BIG-5", b"\xA5\x5C", "功", "", true),
    ] {
        assert_eq!(of(declared, bytes), (wanted.to_owned(), finding, transcoded), "{declared}");
    }
    let wide: Vec<u8> = "\u{feff}MSH|^~\\&|A|||||||1\rPID|1||7||Zoë\r".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Message::parse(&wide).unwrap().first("PID").unwrap().field(5).text(), "Zoë");
    assert!(looks_like_hl7v2(&wide));
}

#[test]
fn lines_that_are_no_segments_belong_to_the_one_before() {
    let text = "MSH|^~\\&|A|||||||1\rOBX|1|TX|x||first\r\nand second|F\n\nZZ1|a\rpid|1\rthe|end\r";
    let message = Message::parse(text.as_bytes()).unwrap();
    assert_eq!(message.segments().map(|s| s.name()).collect::<Vec<_>>(), ["MSH", "OBX", "ZZ1", "PID"]);
    let obx = message.first("OBX").unwrap();
    assert_eq!((obx.field(5).whole(), obx.field(6).text()), ("first\nand second".into(), "F".into()));
    assert_eq!(message.first("PID").unwrap().field(2).text(), "end");
    assert_eq!(codes(&message), ["broken-segment", "segment-case"]);
}

fn cut_in(bytes: &[u8], step: usize) -> (Vec<Vec<u8>>, Vec<&'static str>) {
    let (mut splitter, mut found, mut start, mut end) = (Splitter::default(), Vec::new(), 0, 0);
    loop {
        end = (end + step).min(bytes.len());
        let mut items = Vec::new();
        let is_last = end == bytes.len();
        let done = splitter.cut(&bytes[start..end], is_last, &mut items);
        found.extend(items.iter().map(|range| bytes[start + range.start..start + range.end].to_vec()));
        start += done;
        if is_last {
            assert_eq!(start, end);
            return (found, splitter.findings().iter().map(|f| f.code).collect());
        }
    }
}

#[test]
fn files_are_cut_alike_in_blocks_of_any_size() {
    let file =
        b"\xEF\xBB\xBFsent 10:00\r\n\r\nMSH|^~\\&|1\rPID|1\n\r\n\x0bMSH|^~\\&|2\rPID|2\r\x1c\r\njunk\x0bMSH|^~\\&|3\x1c\x0b\
        FHS|^~\\&\rBHS|^~\\&\rMSH|^~\\&|4\rMSHX|no\rMSH|^~\\&|5\r\nBTS|3\rFTS|1\rafter";
    let wanted: [&[u8]; 8] = [
        b"sent 10:00",
        b"MSH|^~\\&|1\rPID|1",
        b"MSH|^~\\&|2\rPID|2",
        b"junk",
        b"MSH|^~\\&|3",
        b"MSH|^~\\&|4\rMSHX|no",
        b"MSH|^~\\&|5",
        b"after",
    ];
    for step in 1..=file.len() {
        let (items, findings) = cut_in(file, step);
        assert_eq!(items, wanted, "in blocks of {step}");
        assert_eq!(findings, ["leading-junk", "leading-junk", "batch-count", "leading-junk"], "in blocks of {step}");
    }
}

#[test]
fn the_last_letter_and_wide_letters_stay_whole() {
    let (items, _) = cut_in("MSH|^~\\&|û\r\n\r\nMSH|^~\\&|¿".as_bytes(), 7);
    assert_eq!(items, ["MSH|^~\\&|û".as_bytes(), "MSH|^~\\&|¿".as_bytes()]);
    let text = "\u{feff}MSH|^~\\&|A|||||||1\rPID|1||7||Āćž\u{100}\r\nMSH|^~\\&|B|||||||2\rPID|1||8||か\r\n";
    let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    for bytes in [little, big] {
        for step in [1, 2, 3, 50, 1000] {
            let (items, _) = cut_in(&bytes, step);
            let read: Vec<Message<'_>> = items.iter().map(|item| Message::parse(item).unwrap()).collect();
            let names: Vec<_> = read.iter().map(|m| m.first("PID").unwrap().field(5).text().into_owned()).collect();
            assert_eq!(names, ["ĀćžĀ", "か"], "in blocks of {step}");
        }
    }
}

#[test]
fn the_beginning_tells_the_format() {
    for yes in [&b"MSH|^~\\&|"[..], b"\xEF\xBB\xBFMSH|^", b"\r\n\x0bMSH|^~", b"FHS|^~\\&|", b"BHS$%~", b"log line\nMSH|^~\\&|"] {
        assert!(looks_like_hl7v2(yes), "{yes:?}");
    }
    for no in [&b""[..], b"MSH,name,date", b"MSH", b"MSHA|^", b"<ClinicalDocument", b"{\"resourceType\"", b"id,MSH|x", b"%PDF-"] {
        assert!(!looks_like_hl7v2(no), "{no:?}");
    }
}

/// Reads everything there is to read, and holds that nothing of the message is lost or read twice.
fn read_all(bytes: &[u8]) {
    let Ok(message) = Message::parse(bytes) else { return };
    let mut at = 0;
    for segment in message.segments() {
        let gap = &message.text()[at..segment.offset()];
        assert!(gap.trim().is_empty(), "between segments there are line ends only");
        at = segment.offset() + segment.raw().len();
        let separator = message.header().field(1).raw();
        let first = if segment.is("MSH") { 2 } else { 1 };
        let fields: Vec<&str> = (first..=segment.field_count()).map(|n| segment.field(n).raw()).collect();
        let behind_name = fields.iter().map(|field| format!("{separator}{field}")).collect::<String>();
        let head = segment.raw().strip_suffix(&behind_name).expect("the fields are all there");
        assert!(head[..3].eq_ignore_ascii_case(segment.name()) && !head[4.min(head.len())..].contains(separator));
        for n in 0..=segment.field_count() {
            let field = segment.field(n);
            for value in field.repetitions().flat_map(|r| r.components().chain([r])) {
                let (text, whole, second) = (value.text(), value.whole(), value.sub(2));
                assert!(whole.len() >= text.trim().len().min(whole.len()) && second.raw().len() <= value.raw().len());
                if let Some(span) = value.span() {
                    assert_eq!(&bytes[span], value.raw().as_bytes());
                }
            }
        }
    }
    assert!(message.text()[at..].trim().is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400), step in 1usize..50) {
        let mut framed = b"MSH|^~\\&|".to_vec();
        framed.extend_from_slice(&bytes);
        read_all(&framed);
        read_all(&bytes);
        prop_assert_eq!(cut_in(&framed, step).0, cut_in(&framed, framed.len()).0);
    }

    #[test]
    fn any_message_is_read_whole(
        text in "(\\|?[A-Z]{0,3}[\\|^~\\\\&#\"XFSTREHCMP0-9. éß\\r\\n\u{0}-]{0,6}){0,40}", set in 0usize..4,
    ) {
        let declared = ["", "8859/1", "UNICODE UTF-8", "ISO IR87"][set];
        let bytes = format!("MSH|^~\\&|A|||||||1|P|2.5||||||{declared}|\rPID|1\r{text}").into_bytes();
        read_all(&bytes);
        for item in cut_in(&bytes, bytes.len()).0 {
            read_all(&item);
        }
    }
}
