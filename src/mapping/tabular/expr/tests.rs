//! What expressions give, and what they refuse.
//!
//! Not for: rows of real tables (`super::super::tests`).

use jiff::tz::TimeZone;

use super::*;

/// A row `A, B, …` with a null where the text is empty.
struct Cells<'a>(&'a [&'a str], TimeZone);

impl<'a> Row<'a> for Cells<'a> {
    fn value(&self, slot: Slot) -> Option<&'a str> {
        let Slot::Own(column) = slot else { return None };
        self.0.get(column).copied().filter(|text| !text.is_empty())
    }

    fn zone(&self) -> &TimeZone {
        &self.1
    }
}

fn sets() -> ValueSets {
    let sex = Values::from([("1".into(), "male".into()), ("2".into(), "female".into())]);
    ValueSets::from([("sex".into(), Arc::new(sex))])
}

/// The value of an expression over the columns A, B, C, D; `!n` where it fails.
fn eval(text: &str, cells: &[&str]) -> String {
    let expr = Expr::parse(text, &sets()).unwrap_or_else(|e| panic!("{text}: {e}"));
    let find = &mut |name: &Name| Ok::<_, ()>(Slot::Own("ABCD".find(&name.column).ok_or(())?));
    let expr = expr.resolve(find).unwrap();
    match expr.eval(&Cells(cells, TimeZone::UTC)) {
        Ok(value) => value.into_text().unwrap_or("null".into()).into_owned(),
        Err(Failed(at)) => format!("!{at}"),
    }
}

#[test]
fn absent_values_equal_nothing() {
    for (text, wanted) in [
        ("A = 'x'", "false"),
        ("A != 'x'", "true"),
        ("not A = 'x'", "true"),
        ("A = A", "false"),
        ("A is null and B is not null", "true"),
        ("A < 'x' or A >= 'x'", "false"),
        ("A in ('x', null)", "false"),
        ("A not in ('x')", "true"),
        ("coalesce(A, B, 'z')", "b"),
        ("concat(A, B, '-', 1)", "b-1"),
    ] {
        assert_eq!(eval(text, &["", "b"]), wanted, "{text}");
    }
}

#[test]
fn functions() {
    for (text, wanted) in [
        ("num(A) < 10.0", "true"),
        ("num(A) = 9", "true"),
        ("A < '10'", "false"),
        ("num(B)", "!1"),
        ("B matches '(?i)^hello'", "true"),
        ("regex_extract(B, '([A-Z])o')", "null"),
        ("regex_extract(B, 'W(ö)(r)', 2)", "r"),
        ("substr(B, 1, 5)", "Hello"),
        ("substr(B, 7)", "Wörld"),
        ("upper(split(B, ' ', 2))", "WÖRLD"),
        ("split(B, ' ', 3)", "null"),
        ("if(A = '9.0', 'nine', B)", "nine"),
        ("lookup('sex', C)", "female"),
        ("lookup('sex', A)", "null"),
        ("parse_date(D, '%m/%d/%Y')", "2001-02-03"),
        ("parse_date(A)", "!1"),
        ("\"A\" = '9.0' and ('it''s' = 'it''s')", "true"),
        ("A = '1' or A = '9.0' and C = '3'", "false"),
    ] {
        assert_eq!(eval(text, &["9.0", "Hello Wörld", "2", "02/03/2001"]), wanted, "{text}");
    }
}

#[test]
fn what_does_not_fit_is_refused_with_its_place() {
    for (text, wanted) in [
        ("A = 1", "text where a number belongs; `num(…)` makes a number of a column at character 1"),
        ("B = 'x' and A", "text where true or false belongs at character 13"),
        ("A = 'x", "a quote that is not closed at character 5"),
        ("foo(A)", "no function is called `foo` at character 1"),
        ("lookup('no', A)", "no [values.no] in the file at character 8"),
        ("A matches '('", "a pattern that cannot be read, or is too large at character 11"),
        ("A B", "something after the end at character 3"),
        ("substr(A)", "a function given 1 values that takes 2 to 3 at character 1"),
        ("(A", "`)` is missing at character 3"),
        ("", "a value is missing at character 1"),
        ("A ; B", "a character that means nothing here at character 3"),
    ] {
        let error = Expr::parse(text, &sets()).expect_err(text).to_string();
        assert_eq!(error, format!("{wanted} of the expression"), "{text}");
    }
    assert!(Expr::condition("A", &sets()).is_err());
    assert!(Expr::parse(&"(".repeat(5000), &sets()).is_err(), "depth is bounded");
    let chain = |many: usize| format!("{}B = '1'", "A = '1' or ".repeat(many));
    assert!(Expr::condition(&chain(200), &sets()).is_ok());
    assert!(Expr::condition(&chain(700), &sets()).is_err(), "so is what stands in a row");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "[A-C'\"(),.<>=! 0-9a-zü-]{0,60}") {
        let _ = Expr::parse(&text, &sets());
    }
}
