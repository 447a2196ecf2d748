//! Containers made for the purpose: each is read in full and can be written again, or is refused by name.
//!
//! Not for: what the members say.

use std::io::{Cursor, Read, Write};
use std::path::Path;

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::*;

fn stored() -> SimpleFileOptions {
    SimpleFileOptions::default().compression_method(CompressionMethod::Stored)
}

fn zipped(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in members {
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn deflated(members: &[(&str, &[u8])]) -> Vec<u8> {
    zipped(members, CompressionMethod::Deflated)
}

/// A tar file with names as given, good or bad.
fn tarred(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut tar = tar::Builder::new(Vec::new());
    for (name, content) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        if name.len() <= 100 {
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_cksum();
            tar.append(&header, *content).unwrap();
        } else {
            tar.append_data(&mut header, name, *content).unwrap();
        }
    }
    tar.into_inner().unwrap()
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// Lists a delivery of these files.
fn listed(files: &[(&str, &[u8])]) -> (tempfile::TempDir, Result<Delivery, SourceError>) {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("delivery");
    std::fs::create_dir(&folder).unwrap();
    for (name, content) in files {
        std::fs::write(folder.join(name), content).unwrap();
    }
    let delivery = list(&[folder], &home.path().join("scratch"));
    (home, delivery)
}

fn names(delivery: &Delivery) -> Vec<&str> {
    delivery.files.iter().map(|file| file.name.as_str()).collect()
}

fn content(delivery: &Delivery, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(file) = delivery.files.iter().find(|file| file.name == name) {
        open(file).unwrap().read_to_end(&mut bytes).unwrap();
    } else {
        let container = delivery.containers.iter().find(|container| container.name == name).unwrap();
        std::fs::File::open(&container.path).unwrap().read_to_end(&mut bytes).unwrap();
    }
    bytes
}

/// Every container's content is written again from its pieces.
fn all_follow_from_their_members(delivery: &Delivery) {
    for container in &delivery.containers {
        let mut skeleton = Vec::new();
        let kept = container.write_skeleton(&mut skeleton).unwrap();
        assert_eq!(kept, skeleton.len() as u64);
        let member = |number: usize| Ok(Cursor::new(content(delivery, &container.members[number].name)));
        let mut again = Vec::new();
        rebuild(&container.pieces, &mut skeleton.as_slice(), member, &mut again).unwrap();
        let mut whole = Vec::new();
        decode(&container.path, container.packing, container.bytes).unwrap().read_to_end(&mut whole).unwrap();
        assert!(whole == again, "{} is not the same", container.name);
        assert_eq!(container.content_bytes, whole.len() as u64);
        use sha2::Digest;
        assert_eq!(container.content_sha256[..], sha2::Sha256::digest(&whole)[..]);
    }
}

#[track_caller]
fn refused(name: &str, bytes: &[u8], where_: &str, wanted: fn(&Fault) -> bool) {
    let (_home, delivery) = listed(&[(name, bytes)]);
    let error = delivery.expect_err("it must be refused");
    assert!(wanted(&error.what), "{error:?}");
    assert!(error.path.ends_with(where_), "{error}");
}

#[test]
fn members_are_files_of_the_delivery_and_containers_can_be_written_again() {
    let long = format!("{}/note.txt", "folder".repeat(30));
    let tar = tarred(&[("./a/one.ndjson", b"{}\n"), ("two.txt", b"two"), (&long, &[7; 1000]), ("empty", b"")]);
    let inner = deflated(&[("x.json", b"{\"a\":1}"), ("y.tgz", &gzipped(&tarred(&[("z", b"deep")])))]);
    let outer = zipped(&[("plain.txt", b"as it stands"), ("dir\\inner.zip", &inner)], CompressionMethod::Stored);
    let zst = zstd::encode_all(tarred(&[("q.csv", b"a,b\n")]).as_slice(), 1).unwrap();
    let (home, delivery) = listed(&[
        ("a.tar", &tar),
        ("outer.zip", &outer),
        ("t.tar.zst", &zst),
        ("n.ndjson.gz", &gzipped(b"{}\n")),
        ("p.bin", b"PK"),
    ]);
    let delivery = delivery.unwrap();
    let a_long = format!("a.tar/{long}");
    let wanted = [
        "a.tar/a/one.ndjson",
        "a.tar/empty",
        &a_long,
        "a.tar/two.txt",
        "n.ndjson.gz",
        "outer.zip/dir/inner.zip/x.json",
        "outer.zip/dir/inner.zip/y.tgz/z",
        "outer.zip/plain.txt",
        "p.bin",
        "t.tar.zst/q.csv",
    ];
    assert_eq!(names(&delivery), wanted);
    assert_eq!(content(&delivery, "outer.zip/dir/inner.zip/y.tgz/z"), b"deep");
    assert_eq!(content(&delivery, "n.ndjson.gz"), b"{}\n");
    let first = &delivery.files[0];
    assert_eq!((first.kind, first.container.as_deref()), (FileKind::Ndjson, Some("a.tar")));
    let containers: Vec<_> = delivery.containers.iter().map(|c| (c.name.as_str(), c.format, c.packing)).collect();
    let wanted = [
        ("a.tar", Format::Tar, Packing::Plain),
        ("outer.zip", Format::Zip, Packing::Plain),
        ("outer.zip/dir/inner.zip", Format::Zip, Packing::Plain),
        ("outer.zip/dir/inner.zip/y.tgz", Format::Tar, Packing::Gzip),
        ("t.tar.zst", Format::Tar, Packing::Zstd),
    ];
    assert_eq!(containers, wanted);
    all_follow_from_their_members(&delivery);
    let is_enough: Vec<bool> = delivery.containers.iter().map(Container::follows_from_members).collect();
    assert_eq!(is_enough, [true, true, false, true, true], "only packed members have to be kept as they are");
    let scratch = home.path().join("scratch");
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 1);
    drop(delivery);
    assert_eq!(std::fs::read_dir(&scratch).unwrap().count(), 0, "what was unpacked goes with the delivery");
}

#[test]
fn office_documents_are_files() {
    let docx = deflated(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w/>")]);
    let late = deflated(&[("word/document.xml", b"<w/>"), ("[Content_Types].xml", b"<Types/>")]);
    let odt =
        zipped(&[("mimetype", b"application/vnd.oasis.opendocument.text"), ("content.xml", b"<x/>")], CompressionMethod::Stored);
    let holder = zipped(&[("a.docx", &docx)], CompressionMethod::Stored);
    let (_home, delivery) =
        listed(&[("a.docx", &docx), ("b", &late), ("c.odt", &odt), ("d.zip", &holder), ("cut.docx", &docx[..90])]);
    assert_eq!(names(&delivery.unwrap()), ["a.docx", "b", "c.odt", "cut.docx", "d.zip/a.docx"]);
}

#[test]
fn the_head_is_read_through_the_compression() {
    let (_home, delivery) = listed(&[("a.hl7.gz", &gzipped(b"MSH|^~\\&|")), ("b.gz", b"\x1f\x8bno"), ("c.txt", &[b'x'; 20_000])]);
    let delivery = delivery.unwrap();
    let heads: Vec<_> = delivery.files.iter().map(|file| head(file).unwrap()).collect();
    assert_eq!(heads[0], (b"MSH|^~\\&|".to_vec(), Packing::Gzip));
    assert_eq!(heads[1], (b"\x1f\x8bno".to_vec(), Packing::Plain));
    assert_eq!(heads[2].0.len(), 16 << 10);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["../x", "a/../../x", "/etc/x", "C:\\x", "a\\..\\x", ".."] {
        let is_bad = |what: &Fault| matches!(what, Fault::BadName);
        refused("z.zip", &zipped(&[(name, b"x")], CompressionMethod::Stored), &name_of("z.zip", name), is_bad);
        refused("t.tar", &tarred(&[("fine", b"x"), (name, b"x")]), &name_of("t.tar", name), is_bad);
    }
}

fn name_of(container: &str, member: &str) -> String {
    let joined = format!("{container}/{member}");
    Path::new(&joined).file_name().map_or("..".into(), |name| name.to_string_lossy().into_owned())
}

#[test]
fn two_members_of_one_name_are_refused() {
    let is_double = |what: &Fault| matches!(what, Fault::DuplicateName);
    refused("t.tar", &tarred(&[("a", b"1"), ("./a", b"2")]), "t.tar/a", is_double);
    refused("z.zip", &deflated(&[("b/a", b"1"), ("b\\a", b"2")]), "z.zip/b/a", is_double);
    let mut same = zipped(&[("aa", b"1"), ("ab", b"2")], CompressionMethod::Stored);
    while let Some(at) = memchr::memmem::find(&same, b"ab") {
        same[at + 1] = b'a';
    }
    refused("z.zip", &same, "z.zip", is_double);
}

#[test]
fn links_and_devices_are_refused() {
    let no_file = |what: &Fault| matches!(what, Fault::NotContent);
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.add_symlink("link", "/etc/passwd", stored()).unwrap();
    refused("z.zip", &zip.finish().unwrap().into_inner(), "z.zip/link", no_file);
    for kind in
        [tar::EntryType::Symlink, tar::EntryType::Link, tar::EntryType::Char, tar::EntryType::Fifo, tar::EntryType::GNUSparse]
    {
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_gnu();
        header.set_path("entry").unwrap();
        header.set_entry_type(kind);
        header.set_size(0);
        header.set_cksum();
        tar.append(&header, std::io::empty()).unwrap();
        refused("t.tar", &tar.into_inner().unwrap(), "t.tar/entry", no_file);
    }
}

#[test]
fn encrypted_and_strangely_packed_members_are_refused() {
    let zip = zipped(&[("secret", b"x")], CompressionMethod::Stored);
    let directory = memchr::memmem::find(&zip, b"PK\x01\x02").unwrap();
    let changed = |local: usize, value: u8| {
        let mut zip = zip.clone();
        zip[local] = value;
        zip[directory + local + 2] = value;
        zip
    };
    refused("z.zip", &changed(6, 1), "z.zip/secret", |what| matches!(what, Fault::Encrypted));
    refused("z.zip", &changed(8, 12), "z.zip/secret", |what| matches!(what, Fault::Unsupported(_)));
}

#[test]
fn bombs_are_refused_before_they_fill_the_disk() {
    let expands = |what: &Fault| matches!(what, Fault::Expands);
    let zeros = vec![0u8; 70 << 20];
    let bomb = deflated(&[("zeros", &zeros)]);
    refused("bomb.zip", &bomb, "bomb.zip/zeros", expands);
    refused("bomb.tgz", &gzipped(&tarred(&[("zeros", &zeros)])), "bomb.tgz/zeros", expands);
    // Each member is within the bound, all together are not; and a level in between does not renew it.
    let part = &zeros[..30 << 20];
    let parts = deflated(&[("a", part), ("b", part), ("c", part)]);
    refused("parts.zip", &zipped(&[("in.zip", &parts)], CompressionMethod::Stored), "parts.zip/in.zip/c", expands);
}

#[test]
fn nesting_ends() {
    let mut inner = tarred(&[("x", b"x")]);
    for level in 0..2 {
        inner = tarred(&[(["c", "b"][level], &inner)]);
    }
    let (_home, delivery) = listed(&[("a.tar", &inner)]);
    assert_eq!(names(&delivery.unwrap()), ["a.tar/b/c/x"]);
    let deeper = tarred(&[("more", &inner)]);
    refused("a.tar", &deeper, "a.tar/more/b/c", |what| matches!(what, Fault::TooDeep));
}

#[test]
fn cut_containers_are_refused() {
    let damaged = |what: &Fault| matches!(what, Fault::Damaged(_));
    let tar = tarred(&[("a", &[1; 600]), ("b", &[2; 600])]);
    for end in [700, 1024, 1536, 2048, 3000, 3072] {
        let (_home, delivery) = listed(&[("t.tar", &tar[..end])]);
        assert!(damaged(&delivery.expect_err("cut").what), "cut at {end}");
        let (_home, delivery) = listed(&[("t.tgz", &gzipped(&tar[..end]))]);
        assert!(damaged(&delivery.expect_err("cut").what), "packed, cut at {end}");
    }
    let zip = deflated(&[("a", b"some text"), ("b", b"more")]);
    for end in [40, zip.len() / 2, zip.len() - 1] {
        let (_home, delivery) = listed(&[("z.zip", &zip[..end])]);
        assert!(damaged(&delivery.expect_err("cut").what), "cut at {end}");
    }
    let mut wrong = zipped(&[("a", b"some text")], CompressionMethod::Stored);
    let at = memchr::memmem::find(&wrong, b"some text").unwrap();
    wrong[at] ^= 1;
    refused("z.zip", &wrong, "z.zip/a", damaged);
}

#[test]
fn too_many_members_are_refused_before_they_are_read() {
    // The end of a zip64 file that declares two million members.
    let mut end = b"PK\x03\x04".to_vec();
    end.extend([0; 60]);
    let record = end.len() as u64;
    end.extend(b"PK\x06\x06");
    end.extend(44u64.to_le_bytes());
    end.extend([0; 12]);
    for number in [2_000_000u64, 2_000_000, 92_000_000, 0] {
        end.extend(number.to_le_bytes());
    }
    end.extend(b"PK\x06\x07\0\0\0\0");
    end.extend(record.to_le_bytes());
    end.extend([1, 0, 0, 0]);
    end.extend(b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0");
    refused("z.zip", &end, "z.zip", |what| matches!(what, Fault::TooManyMembers));
}

mod any_input {
    use proptest::prelude::*;

    use super::*;

    fn sample() -> impl Strategy<Value = Vec<u8>> {
        let tar = tarred(&[("one.txt", b"first"), (&"long".repeat(40), b"second")]);
        let zip = deflated(&[("one.txt", b"first first first"), ("in.tar", &tarred(&[("x", b"x")]))]);
        let flat = zipped(&[("a", b"aaaa"), ("b/c", b"cccc")], CompressionMethod::Stored);
        prop::sample::select(vec![gzipped(&tar), tar, zip, flat])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]
        #[test]
        fn damaged_containers_are_read_or_refused(
            mut bytes in sample(),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            cut in any::<prop::sample::Index>(),
            cuts in any::<bool>(),
        ) {
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            if cuts {
                bytes.truncate(cut.index(bytes.len()));
            }
            let (_home, delivery) = listed(&[("container", &bytes)]);
            if let Ok(delivery) = delivery {
                all_follow_from_their_members(&delivery);
            }
        }
    }
}
