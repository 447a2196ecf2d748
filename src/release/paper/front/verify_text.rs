//! `VERIFY.txt`: one page for whoever checks a package with the tools of any system, without this software.
//!
//! Not for: `chartkeep release verify`, which checks more.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::model::unhex;
use crate::release::build::{BuildRecord, Plan};
use crate::release::package::sha256_hex;

/// What stands before the 32 bytes of an Ed25519 key in its X.509 form (RFC 8410).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

fn key(public: &str) -> Option<[u8; 32]> {
    unhex(public)?.try_into().ok()
}

/// SHA-256 of a public key's 32 bytes, in hexadecimal digits; `None` for what is no key.
pub fn key_fingerprint(public: &str) -> Option<String> {
    key(public).map(|key| sha256_hex(&key))
}

/// A public key as openssl reads it.
pub fn key_pem(public: &str) -> Option<String> {
    let spki = [&SPKI[..], &key(public)?].concat();
    Some(format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n", BASE64.encode(spki)))
}

/// The text. The commands run as they stand, in the folder of the unpacked package.
pub fn verify_text(plan: &Plan, build: &BuildRecord) -> String {
    let pem = key_pem(&build.key_public).unwrap_or_default();
    let print = key_fingerprint(&build.key_public).unwrap_or_default();
    let from = &plan.custodian;
    let contact: Vec<&str> = [from.name.as_str(), &from.phone, &from.email].into_iter().filter(|it| !it.is_empty()).collect();
    format!(
        r#"HOW TO CHECK THIS PACKAGE

Package {package}
Request {request}, approved {approved}
From    {contact}

You need sha256sum, openssl 3, grep and sed, as every Linux has them. On a Mac write "shasum -a 256"
for sha256sum, and use openssl of Homebrew. Unpack the ZIP and open a terminal in its folder.

1. The key. Save the three lines below as the file ../key.pem:

{pem}
   openssl pkey -pubin -in ../key.pem -outform DER | tail -c 32 | sha256sum

   must print {print}

   A key that comes with a package proves nothing by itself: ask us for these digits on another way,
   by telephone or on paper, and compare them.

2. The signature. It must say "Signature Verified Successfully":

   openssl pkeyutl -verify -pubin -inkey ../key.pem -rawin -in manifest.json -sigfile manifest.sig

3. The files. Every line must end with OK; the digests come from the signed manifest:

   grep -o '"path":"[^"]*","sha256":"[0-9a-f]*"' manifest.json | sed 's/"path":"\(.*\)","sha256":"\(.*\)"/\2  \1/' | sha256sum -c

4. Nothing was added. Both numbers must be the same (the manifest and its two signatures are the 3):

   echo $(( $(grep -o '"path":"[^"]*","sha256":"' manifest.json | wc -l) + 3 ))
   find . -type f | wc -l

5. One record. If you have the original of a record, its digest stands in manifest.json as
   "original_sha256" and on the pages of digests at the end of the PDF:

   sha256sum FILE

If all of this holds, the files are those that were signed at the approval. What the check does not
say is whether the release was lawful, or whether paper printed from it was changed.

With our software: chartkeep release verify PACKAGE --key KEY checks the same, and the place of every
record in the Merkle tree of its delivery, and that no byte of the ZIP is another.
"#,
        package = build.package_id,
        request = plan.request,
        approved = build.approved,
        contact = contact.join(", "),
    )
}
