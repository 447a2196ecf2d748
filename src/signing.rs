//! Ed25519 keys, signed notes (C2SP signed-note), and the ring of public keys that an archive carries.
//!
//! Private keys lie outside the archive, one PKCS#8 file each; whoever signs sees only [`Signer`], so that a hardware
//! key can take its place. Not for: deciding what is signed and what a signature means (`store`, `audit`, `release`).

mod key;
mod note;
mod ring;
mod verifier;

pub use key::{KeyError, KeyPurpose, Signer, SigningKey, default_private_dir, load_signer};
pub use note::{sign_note, verify_note};
pub use ring::{KeyRing, RingEntry, RingError, RingFinding, init_keys, rotate_key};
pub use verifier::{NoteError, VerifierKey};
