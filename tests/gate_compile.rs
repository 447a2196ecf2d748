//! What must not compile: ways round the gate. Each case of `compile_fail/` is one way, with the compiler's refusal.
//!
//! Not for: what the gate does at run time (`src/access/tests.rs`). The same cases stand as `compile_fail` examples at
//! `Permit`; these here also pin the reason for which each is refused.

#[test]
fn no_way_round_the_gate_compiles() {
    trybuild::TestCases::new().compile_fail("tests/compile_fail/*.rs");
}
