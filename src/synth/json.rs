//! Writing JSON text straight into a byte buffer: the `emit!` macro and the values that it can write.
//!
//! Not for: reading JSON, or knowing any resource. A tree of values (serde_json) costs most of the time at this volume.

use super::dice::Id;

/// A buffer of JSON text. Commas follow from the last byte written, which is always structural.
#[derive(Default)]
pub struct Json {
    pub bytes: Vec<u8>,
}

impl Json {
    pub fn open(&mut self, bracket: u8) {
        self.bytes.push(bracket);
    }

    pub fn close(&mut self, bracket: u8) {
        self.bytes.push(bracket);
    }

    pub fn key(&mut self, key: &str) {
        self.item();
        self.bytes.push(b'"');
        self.bytes.extend_from_slice(key.as_bytes());
        self.bytes.extend_from_slice(b"\":");
    }

    /// Begins the next member or element.
    pub fn item(&mut self) {
        if !matches!(self.bytes.last(), None | Some(b'{' | b'[' | b':' | b'\n')) {
            self.bytes.push(b',');
        }
    }

    /// A member, left out when its value is absent.
    pub fn field(&mut self, key: &str, value: &(impl Emit + ?Sized)) {
        if !value.is_absent() {
            self.key(key);
            value.emit(self);
        }
    }

    /// An element of an array, left out when it is absent.
    pub fn element(&mut self, value: &(impl Emit + ?Sized)) {
        if !value.is_absent() {
            self.item();
            value.emit(self);
        }
    }

    pub fn text(&mut self, text: &str) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        self.bytes.push(b'"');
        for &b in text.as_bytes() {
            match b {
                b'"' => self.bytes.extend_from_slice(b"\\\""),
                b'\\' => self.bytes.extend_from_slice(b"\\\\"),
                b'\n' => self.bytes.extend_from_slice(b"\\n"),
                b'\r' => self.bytes.extend_from_slice(b"\\r"),
                b'\t' => self.bytes.extend_from_slice(b"\\t"),
                0..0x20 => {
                    self.bytes.extend_from_slice(b"\\u00");
                    self.bytes.extend_from_slice(&[HEX[usize::from(b >> 4)], HEX[usize::from(b & 15)]]);
                }
                _ => self.bytes.push(b),
            }
        }
        self.bytes.push(b'"');
    }
}

/// A value that can be written as JSON.
pub trait Emit {
    fn emit(&self, out: &mut Json);

    /// Whether a member with this value is to be left out: FHIR knows neither nulls nor empty arrays.
    fn is_absent(&self) -> bool {
        false
    }
}

impl Emit for str {
    fn emit(&self, out: &mut Json) {
        out.text(self);
    }
}

impl Emit for String {
    fn emit(&self, out: &mut Json) {
        out.text(self);
    }
}

impl Emit for bool {
    fn emit(&self, out: &mut Json) {
        out.bytes.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

macro_rules! emit_integer {
    ($($t:ty),*) => { $(impl Emit for $t {
        fn emit(&self, out: &mut Json) {
            number(out, i128::from(*self));
        }
    })* };
}
emit_integer!(i32, i64, u32, u64, u8);

/// Integers are many and short: no formatting machinery for them.
fn number(out: &mut Json, value: i128) {
    if value < 0 {
        out.bytes.push(b'-');
    }
    let (mut rest, mut digits, mut at) = (value.unsigned_abs(), [0_u8; 40], 40);
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.bytes.extend_from_slice(&digits[at..]);
}

impl Emit for Id {
    fn emit(&self, out: &mut Json) {
        out.bytes.push(b'"');
        self.push_to(&mut out.bytes);
        out.bytes.push(b'"');
    }
}

impl<T: Emit + ?Sized> Emit for &T {
    fn emit(&self, out: &mut Json) {
        (**self).emit(out);
    }

    fn is_absent(&self) -> bool {
        (**self).is_absent()
    }
}

impl<T: Emit> Emit for Option<T> {
    fn emit(&self, out: &mut Json) {
        if let Some(value) = self {
            value.emit(out);
        }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T: Emit> Emit for [T] {
    fn emit(&self, out: &mut Json) {
        out.open(b'[');
        for value in self {
            out.element(value);
        }
        out.close(b']');
    }

    fn is_absent(&self) -> bool {
        self.iter().all(Emit::is_absent)
    }
}

impl<T: Emit> Emit for Vec<T> {
    fn emit(&self, out: &mut Json) {
        self.as_slice().emit(out);
    }

    fn is_absent(&self) -> bool {
        self.as_slice().is_absent()
    }
}

/// A part that is written by code of its own.
pub struct With<F: Fn(&mut Json)>(pub F);

impl<F: Fn(&mut Json)> Emit for With<F> {
    fn emit(&self, out: &mut Json) {
        (self.0)(out);
    }
}

/// A decimal with a fixed number of places, kept as an integer so that its digits never depend on the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Decimal {
    pub units: i64,
    pub places: u8,
}

impl Decimal {
    pub fn new(units: i64, places: u8) -> Decimal {
        Decimal { units, places }
    }
}

impl std::fmt::Display for Decimal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.places == 0 {
            return write!(f, "{}", self.units);
        }
        let unit = 10_i64.pow(u32::from(self.places));
        let sign = if self.units < 0 { "-" } else { "" };
        let units = self.units.abs();
        write!(f, "{sign}{}.{:0width$}", units / unit, units % unit, width = usize::from(self.places))
    }
}

impl Emit for Decimal {
    fn emit(&self, out: &mut Json) {
        if self.places == 0 {
            return number(out, i128::from(self.units));
        }
        if self.units < 0 {
            out.bytes.push(b'-');
        }
        let unit = 10_i64.pow(u32::from(self.places));
        let units = self.units.abs();
        number(out, i128::from(units / unit));
        out.bytes.push(b'.');
        for place in (0..u32::from(self.places)).rev() {
            out.bytes.push(b'0' + (units / 10_i64.pow(place) % 10) as u8);
        }
    }
}

/// Writes a JSON literal whose values may be Rust expressions: a single token, or anything in parentheses.
macro_rules! emit {
    ($o:expr, { $($k:literal : $v:tt),* $(,)? }) => {{
        let out: &mut $crate::synth::json::Json = $o;
        out.open(b'{');
        $( $crate::synth::json::emit!(@field out, $k, $v); )*
        out.close(b'}');
    }};
    ($o:expr, [ $($v:tt),* $(,)? ]) => {{
        let out: &mut $crate::synth::json::Json = $o;
        out.open(b'[');
        $( $crate::synth::json::emit!(@element out, $v); )*
        out.close(b']');
    }};
    (@field $o:ident, $k:literal, { $($body:tt)* }) => {
        $o.key($k);
        $crate::synth::json::emit!($o, { $($body)* });
    };
    (@field $o:ident, $k:literal, [ $($body:tt)* ]) => {
        $o.key($k);
        $crate::synth::json::emit!($o, [ $($body)* ]);
    };
    (@field $o:ident, $k:literal, $v:tt) => { $o.field($k, &$v); };
    (@element $o:ident, { $($body:tt)* }) => {
        $o.item();
        $crate::synth::json::emit!($o, { $($body)* });
    };
    (@element $o:ident, [ $($body:tt)* ]) => {
        $o.item();
        $crate::synth::json::emit!($o, [ $($body)* ]);
    };
    (@element $o:ident, $v:tt) => { $o.element(&$v); };
}
pub(crate) use emit;
