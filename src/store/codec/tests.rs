//! The codec gives back what it was given, and never panics on damage.
//!
//! Not for: the frames around a payload (`framed`).

use proptest::prelude::*;

use super::{Decoded, Encoder, RecordIn, WHOLE};

fn round_trip(rows: &[(u32, Vec<String>)]) {
    let owned: Vec<(u32, Vec<&[u8]>)> = rows.iter().map(|(s, l)| (*s, l.iter().map(|v| v.as_bytes()).collect())).collect();
    let records: Vec<RecordIn<'_>> = owned.iter().map(|(s, l)| RecordIn { shape: *s, leaves: l, moved: &[] }).collect();
    let (payload, uuids) = Encoder::default().encode(&records);
    let decoded = Decoded::read(payload, &uuids, &|shape| Some(shape as usize)).unwrap();
    assert_eq!(decoded.len(), rows.len());
    for (i, (shape, leaves)) in rows.iter().enumerate() {
        assert_eq!(decoded.shape(i), *shape);
        for (l, value) in leaves.iter().enumerate() {
            assert_eq!(decoded.leaf(i, l), Some(value.as_bytes()));
        }
    }
}

/// Leaves that provoke every form: UUIDs with prefixes, times, functions of others, constants, odd text.
fn leaf() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("final".to_string()),
        "[a-c]{1,2}",
        (0u8..4).prop_map(|i| format!("Patient/7c1c9a4e-0d31-4c6b-a5a7-2f7d6e0b9c1{i}")),
        (0u8..4).prop_map(|i| format!("2024-02-2{i}T08:50:0{i}-05:00")),
        Just("2024-02-30T08:50:00Z".to_string()),
        "[ -~]{0,12}",
    ]
}

proptest! {
    #[test]
    fn any_records_come_back(rows in proptest::collection::vec((2u32..5).prop_flat_map(|s| (Just(s), proptest::collection::vec(leaf(), s as usize))), 1..40)) {
        round_trip(&rows);
    }

    #[test]
    fn damage_gives_an_error_or_other_values_but_no_panic(rows in proptest::collection::vec(proptest::collection::vec(leaf(), 3), 1..20), at in 0usize..4000, bit in 0u8..8) {
        let owned: Vec<Vec<&[u8]>> = rows.iter().map(|l| l.iter().map(|v| v.as_bytes()).collect()).collect();
        let records: Vec<RecordIn<'_>> = owned.iter().map(|l| RecordIn { shape: 3, leaves: l, moved: &[] }).collect();
        let (mut payload, uuids) = Encoder::default().encode(&records);
        let at = at % payload.len();
        payload[at] ^= 1 << bit;
        if let Ok(decoded) = Decoded::read(payload, &uuids, &|_| Some(3)) {
            for record in 0..decoded.len() {
                for leaf in 0..3 {
                    let _ = decoded.leaf(record, leaf).map(<[u8]>::len);
                }
            }
        }
    }
}

#[test]
fn moved_leaves_and_whole_records() {
    let text: &[u8] = b"{\n}";
    let leaves: [&[u8]; 2] = [b"a", b"QUJD"];
    let one = [text];
    let records = [
        RecordIn { shape: 2, leaves: &leaves, moved: &[1] },
        RecordIn { shape: WHOLE, leaves: &one, moved: &[] },
        RecordIn { shape: 2, leaves: &leaves, moved: &[] },
    ];
    let (payload, uuids) = Encoder::default().encode(&records);
    let decoded = Decoded::read(payload, &uuids, &|_| Some(2)).unwrap();
    assert_eq!(decoded.leaf(0, 1), None);
    assert_eq!(decoded.leaf(1, 0), Some(text));
    assert_eq!(decoded.leaf(2, 1), Some(&b"QUJD"[..]));
}
