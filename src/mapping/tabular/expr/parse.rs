//! The grammar of expressions: `or`, `and`, `not`, comparisons, values; the loosest first.
//!
//! Not for: types (`check`).

use super::lex::{Token, tokens};
use super::{Comparison, Expr, ExprError, Function, Name, ValueSets};
use crate::limits::{EXPRESSION_BYTES_MAX, EXPRESSION_CONDITIONS_MAX, EXPRESSION_DEPTH_MAX};
use crate::mapping::tabular::times::Format;

struct Parser<'a> {
    tokens: Vec<(Token, usize)>,
    next: usize,
    depth: usize,
    joined: usize,
    sets: &'a ValueSets,
}

type Parsed = Result<Expr<Name>, ExprError>;

const KEYWORDS: [&str; 10] = ["and", "or", "not", "in", "is", "null", "true", "false", "matches", "if"];

pub fn parse(text: &str, sets: &ValueSets) -> Parsed {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(ExprError::new("an expression longer than is read", EXPRESSION_BYTES_MAX));
    }
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0, joined: 0, sets };
    let expr = parser.either()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.error("something after the end")),
    }
}

impl Parser<'_> {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(token, _)| token)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0, |(_, at)| *at)
    }

    fn error(&self, what: impl Into<String>) -> ExprError {
        ExprError::new(what, self.at())
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Sign(s) if *s == sign);
        self.next += usize::from(is_it);
        is_it
    }

    fn take_word(&mut self, word: &str) -> bool {
        let is_it = matches!(self.peek(), Token::Word(w) if w.eq_ignore_ascii_case(word));
        self.next += usize::from(is_it);
        is_it
    }

    fn demand(&mut self, sign: &str) -> Result<(), ExprError> {
        if self.take_sign(sign) { Ok(()) } else { Err(self.error(format!("`{sign}` is missing"))) }
    }

    fn either(&mut self) -> Parsed {
        self.depth += 1;
        if self.depth > EXPRESSION_DEPTH_MAX {
            return Err(self.error("parentheses nested too deep"));
        }
        let mut left = self.all()?;
        while self.take_word("or") {
            self.joins()?;
            left = Expr::Or(Box::new([left, self.all()?]));
        }
        self.depth -= 1;
        Ok(left)
    }

    fn all(&mut self) -> Parsed {
        let mut left = self.negated()?;
        while self.take_word("and") {
            self.joins()?;
            left = Expr::And(Box::new([left, self.negated()?]));
        }
        Ok(left)
    }

    /// Counts a condition that is joined to others: each nests what stands before it one deeper.
    fn joins(&mut self) -> Result<(), ExprError> {
        self.joined += 1;
        if self.joined < EXPRESSION_CONDITIONS_MAX {
            Ok(())
        } else {
            Err(self.error("more conditions than are joined; use `in`"))
        }
    }

    fn negated(&mut self) -> Parsed {
        let mut times = 0;
        while self.take_word("not") {
            times += 1;
        }
        let inner = self.compared()?;
        Ok(if times % 2 == 1 { Expr::Not(Box::new(inner)) } else { inner })
    }

    fn compared(&mut self) -> Parsed {
        let left = self.value()?;
        if self.take_word("is") {
            let is_not = self.take_word("not");
            if !self.take_word("null") {
                return Err(self.error("`is` is followed by `null` or `not null`"));
            }
            let is_null = Expr::IsNull(Box::new(left));
            return Ok(if is_not { Expr::Not(Box::new(is_null)) } else { is_null });
        }
        let is_not = self.take_word("not");
        if self.take_word("in") {
            self.demand("(")?;
            let mut all = vec![left];
            all.extend(self.list()?);
            let found = Expr::In(all);
            return Ok(if is_not { Expr::Not(Box::new(found)) } else { found });
        }
        if self.take_word("matches") {
            let regex = self.regex()?;
            let matches = Expr::Matches(Box::new(left), regex);
            return Ok(if is_not { Expr::Not(Box::new(matches)) } else { matches });
        }
        if is_not {
            return Err(self.error("`not` stands before `in`, `matches` or a condition"));
        }
        let how = match self.peek() {
            Token::Sign("=") => Comparison::Equal,
            Token::Sign("!=" | "<>") => Comparison::NotEqual,
            Token::Sign("<") => Comparison::Less,
            Token::Sign("<=") => Comparison::LessOrEqual,
            Token::Sign(">") => Comparison::More,
            Token::Sign(">=") => Comparison::MoreOrEqual,
            _ => return Ok(left),
        };
        self.next += 1;
        Ok(Expr::Compare(how, Box::new([left, self.value()?])))
    }

    fn value(&mut self) -> Parsed {
        let at = self.at();
        let token = self.peek().clone();
        self.next += 1;
        match token {
            Token::Text(text) => Ok(Expr::Text(text)),
            Token::Number(digits) => match crate::mapping::fhir::decimal(&digits) {
                Some(number) => Ok(Expr::Number(number)),
                None => Err(ExprError::new("not a number", at)),
            },
            Token::Sign("(") => {
                let inner = self.either()?;
                self.demand(")")?;
                Ok(inner)
            }
            Token::Quoted(name) => self.column(name, at),
            Token::Word(word) if self.take_sign("(") => self.call(&word.to_ascii_lowercase(), at),
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "null" => Ok(Expr::Null),
                "true" => Ok(Expr::Boolean(true)),
                "false" => Ok(Expr::Boolean(false)),
                keyword if KEYWORDS.contains(&keyword) => Err(ExprError::new("a value is missing", at)),
                _ => self.column(word, at),
            },
            Token::Sign(_) | Token::End => Err(ExprError::new("a value is missing", at)),
        }
    }

    /// `name` or `join.name`.
    fn column(&mut self, first: String, at: usize) -> Parsed {
        if !self.take_sign(".") {
            return Ok(Expr::Column(Name { join: None, column: first, at }));
        }
        let column = match self.peek().clone() {
            Token::Word(column) | Token::Quoted(column) => column,
            _ => return Err(self.error("the name of a column is missing")),
        };
        self.next += 1;
        Ok(Expr::Column(Name { join: Some(first), column, at }))
    }

    /// Expressions up to the closing parenthesis.
    fn list(&mut self) -> Result<Vec<Expr<Name>>, ExprError> {
        let mut all = Vec::new();
        if self.take_sign(")") {
            return Ok(all);
        }
        loop {
            all.push(self.either()?);
            if !self.take_sign(",") {
                self.demand(")")?;
                return Ok(all);
            }
        }
    }

    fn text(&mut self, what: &str) -> Result<String, ExprError> {
        match self.peek().clone() {
            Token::Text(text) => {
                self.next += 1;
                Ok(text)
            }
            _ => Err(self.error(format!("{what} is a text in single quotes"))),
        }
    }

    fn regex(&mut self) -> Result<regex::Regex, ExprError> {
        let at = self.at();
        let pattern = self.text("a pattern")?;
        let built = regex::RegexBuilder::new(&pattern).size_limit(1 << 20).build();
        built.map_err(|_| ExprError::new("a pattern that cannot be read, or is too large", at))
    }

    fn call(&mut self, name: &str, at: usize) -> Parsed {
        let function = match name {
            "lookup" => return self.lookup(),
            "parse_date" => return self.parse_date(at),
            "regex_extract" => return self.extract(),
            "concat" => Function::Concat,
            "coalesce" => Function::Coalesce,
            "if" => Function::If,
            "substr" => Function::Substr,
            "trim" => Function::Trim,
            "upper" => Function::Upper,
            "lower" => Function::Lower,
            "split" => Function::Split,
            "num" => Function::Num,
            _ => return Err(ExprError::new(format!("no function is called `{name}`"), at)),
        };
        Ok(Expr::Call(function, self.list()?, at))
    }

    /// `lookup('set', value)`.
    fn lookup(&mut self) -> Parsed {
        let at = self.at();
        let name = self.text("the name of a set of values")?;
        let Some(values) = self.sets.get(&name) else {
            return Err(ExprError::new(format!("no [values.{name}] in the file"), at));
        };
        self.demand(",")?;
        let key = self.either()?;
        self.demand(")")?;
        Ok(Expr::Lookup(name, values.clone(), Box::new(key)))
    }

    /// `parse_date(text, 'format', …)`.
    fn parse_date(&mut self, at: usize) -> Parsed {
        let text = self.either()?;
        let mut formats = Vec::new();
        while self.take_sign(",") {
            let at = self.at();
            let format = self.text("a format")?;
            formats.push(Format::parse(&format).map_err(|what| ExprError::new(what, at))?);
        }
        self.demand(")")?;
        if formats.is_empty() {
            formats.push(Format::Iso);
        }
        Ok(Expr::ParseDate(Box::new(text), formats, at))
    }

    /// `regex_extract(text, 'pattern'[, group])`.
    fn extract(&mut self) -> Parsed {
        let text = self.either()?;
        self.demand(",")?;
        let regex = self.regex()?;
        let mut group = usize::from(regex.captures_len() > 1);
        if self.take_sign(",") {
            let at = self.at();
            group = match self.peek() {
                Token::Number(digits) => digits.parse().ok().filter(|group| *group < regex.captures_len()),
                _ => None,
            }
            .ok_or_else(|| ExprError::new("no such group in the pattern", at))?;
            self.next += 1;
        }
        self.demand(")")?;
        Ok(Expr::Extract(Box::new(text), regex, group))
    }
}
