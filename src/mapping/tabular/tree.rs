//! The members of a resource as a tree: what is written where, and from which columns.
//!
//! Not for: reading the mapping file (`fields`), or writing (`write`).

use std::sync::Arc;

use jiff::tz::TimeZone;

use super::expr::{Expr, Values};
use super::times::Format;
use crate::limits::ELEMENT_DEPTH_MAX;

/// Columns of the form `R`: by name as read, by place as run.
#[derive(Clone, Debug)]
pub enum Content<R> {
    Object(Object<R>),
    /// Elements by the labels that tell them apart.
    Array(Vec<(String, Content<R>)>),
    Leaf(Leaf<R>),
}

#[derive(Clone, Debug)]
pub struct Object<R> {
    pub members: Vec<(String, Content<R>)>,
    /// Nothing in it depends on the row. An object that has anything else is written only when some of that is.
    pub is_constant: bool,
}

#[derive(Clone, Debug)]
pub struct Leaf<R> {
    pub what: What<R>,
    /// Without it the object around it says nothing (the code of a coding).
    pub is_needed: bool,
    /// The field of the mapping file, for reasons.
    pub field: Arc<str>,
}

#[derive(Clone, Debug)]
pub enum What<R> {
    Text(String),
    /// `true`, `false` or a number.
    Raw(toml::Value),
    String(Source<R>),
    Verbatim(Source<R>),
    Base64(Source<R>),
    Boolean(Source<R>),
    Integer(Source<R>),
    Decimal(Source<R>),
    Time(Source<R>, Times),
    Reference {
        kind: String,
        namespace: String,
        parts: Vec<Expr<R>>,
    },
    AutoValue {
        source: Source<R>,
        unit: Option<Expr<R>>,
        unit_system: String,
    },
    /// Unused columns, as an extension.
    Residual,
}

/// Where a value comes from, and what stands for it when there is none.
#[derive(Clone, Debug)]
pub struct Source<R> {
    pub expr: Expr<R>,
    pub set: Option<Arc<Values>>,
    pub when_null: Option<String>,
    pub when_unmapped: Option<String>,
    /// A null sends the row to quarantine.
    pub is_required: bool,
    /// A value that is not of its type is left out rather than sending the row to quarantine.
    pub omit_invalid: bool,
}

/// How times are read and written.
#[derive(Clone, Debug)]
pub struct Times {
    pub formats: Vec<Format>,
    /// Other than that of the source.
    pub zone: Option<TimeZone>,
    pub precision: Precision,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Precision {
    Date,
    DateTime,
    Instant,
}

/// One step of an element's path: `name`, `name[0]`, `name:slice`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub key: String,
    /// Which element of a list.
    pub element: Option<String>,
}

/// Reads a path.
pub fn path(text: &str) -> Result<Vec<Step>, String> {
    let fault = || format!("`{text}` is no path of an element");
    if text.split('.').count() > ELEMENT_DEPTH_MAX {
        return Err(format!("a path of more than {ELEMENT_DEPTH_MAX} elements"));
    }
    let is_name =
        |name: &str| name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(|b| b.is_ascii_alphanumeric());
    let mut steps = Vec::new();
    for part in text.split('.') {
        let (key, element) = if let Some((key, slice)) = part.split_once(':') {
            (key, Some(slice.to_string()).filter(|slice| !slice.is_empty()).ok_or_else(fault)?)
        } else if let Some((key, index)) = part.split_once('[') {
            let index = index.strip_suffix(']').filter(|i| !i.is_empty() && i.len() < 4).ok_or_else(fault)?;
            (key, Some(index.to_string()).filter(|i| i.bytes().all(|b| b.is_ascii_digit())).ok_or_else(fault)?)
        } else {
            steps.push(Step { key: part.to_string(), element: None });
            continue;
        };
        steps.push(Step { key: key.to_string(), element: Some(element) });
    }
    if steps.iter().all(|step| is_name(&step.key)) { Ok(steps) } else { Err(fault()) }
}

impl<R> Default for Object<R> {
    fn default() -> Self {
        Object { members: Vec::new(), is_constant: true }
    }
}

impl<R> Leaf<R> {
    pub fn is_constant(&self) -> bool {
        matches!(self.what, What::Text(_) | What::Raw(_))
    }
}

impl<R> Object<R> {
    /// Puts a leaf at the end of a path. Fails where the path leads through a value, or to something that is there.
    pub fn insert(&mut self, steps: &[Step], leaf: Leaf<R>) -> Result<(), String> {
        let Some((step, rest)) = steps.split_first() else { return Err("an empty path".into()) };
        self.is_constant &= leaf.is_constant();
        let Some(element) = &step.element else { return place(&mut self.members, &step.key, rest, leaf) };
        if !self.members.iter().any(|(key, _)| *key == step.key) {
            self.members.push((step.key.clone(), Content::Array(Vec::new())));
        }
        match self.members.iter_mut().find(|(key, _)| *key == step.key) {
            Some((_, Content::Array(elements))) => place(elements, element, rest, leaf),
            _ => Err(format!("`{}` is a list in one place and none in another", step.key)),
        }
    }

    /// The same tree over other columns.
    pub fn resolve<S, E>(&self, find: &mut impl FnMut(&R, &str) -> Result<S, E>) -> Result<Object<S>, E> {
        Ok(Object { members: each(&self.members, find)?, is_constant: self.is_constant })
    }
}

/// Puts a leaf below the member or element `key`.
fn place<R>(among: &mut Vec<(String, Content<R>)>, key: &str, rest: &[Step], leaf: Leaf<R>) -> Result<(), String> {
    let found = among.iter_mut().find(|(other, _)| other == key);
    match (found, rest.is_empty()) {
        (None, true) => among.push((key.to_string(), Content::Leaf(leaf))),
        (None, false) => {
            let mut object = Object::default();
            object.insert(rest, leaf)?;
            among.push((key.to_string(), Content::Object(object)));
        }
        (Some((_, Content::Object(object))), false) => object.insert(rest, leaf)?,
        (Some(_), true) => return Err("the element is written twice".into()),
        (Some(_), false) => return Err(format!("`{key}` is an object in one place and none in another")),
    }
    Ok(())
}

type Members<R> = Vec<(String, Content<R>)>;

fn each<R, S, E>(members: &Members<R>, find: &mut impl FnMut(&R, &str) -> Result<S, E>) -> Result<Members<S>, E> {
    members.iter().map(|(key, content)| Ok((key.clone(), content.resolve(find)?))).collect()
}

impl<R> Content<R> {
    fn resolve<S, E>(&self, find: &mut impl FnMut(&R, &str) -> Result<S, E>) -> Result<Content<S>, E> {
        Ok(match self {
            Content::Object(object) => Content::Object(object.resolve(find)?),
            Content::Array(elements) => Content::Array(each(elements, find)?),
            Content::Leaf(leaf) => {
                let field = leaf.field.clone();
                let what = leaf.what.resolve(&mut |column| find(column, &field))?;
                Content::Leaf(Leaf { what, is_needed: leaf.is_needed, field })
            }
        })
    }
}

impl<R> What<R> {
    fn resolve<S, E>(&self, find: &mut impl FnMut(&R) -> Result<S, E>) -> Result<What<S>, E> {
        Ok(match self {
            What::Text(text) => What::Text(text.clone()),
            What::Raw(value) => What::Raw(value.clone()),
            What::Residual => What::Residual,
            What::String(source) => What::String(source.resolve(find)?),
            What::Verbatim(source) => What::Verbatim(source.resolve(find)?),
            What::Base64(source) => What::Base64(source.resolve(find)?),
            What::Boolean(source) => What::Boolean(source.resolve(find)?),
            What::Integer(source) => What::Integer(source.resolve(find)?),
            What::Decimal(source) => What::Decimal(source.resolve(find)?),
            What::Time(source, times) => What::Time(source.resolve(find)?, times.clone()),
            What::Reference { kind, namespace, parts } => {
                let parts = parts.iter().map(|part| part.resolve(find)).collect::<Result<_, E>>()?;
                What::Reference { kind: kind.clone(), namespace: namespace.clone(), parts }
            }
            What::AutoValue { source, unit, unit_system } => What::AutoValue {
                source: source.resolve(find)?,
                unit: unit.as_ref().map(|unit| unit.resolve(find)).transpose()?,
                unit_system: unit_system.clone(),
            },
        })
    }
}

impl<R> Source<R> {
    pub fn of(expr: Expr<R>) -> Source<R> {
        Source { expr, set: None, when_null: None, when_unmapped: None, is_required: false, omit_invalid: false }
    }

    pub fn resolve<S, E>(&self, find: &mut impl FnMut(&R) -> Result<S, E>) -> Result<Source<S>, E> {
        Ok(Source {
            expr: self.expr.resolve(find)?,
            set: self.set.clone(),
            when_null: self.when_null.clone(),
            when_unmapped: self.when_unmapped.clone(),
            is_required: self.is_required,
            omit_invalid: self.omit_invalid,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_read_and_their_depth_is_bounded() {
        let steps = path("name[0].given[1]").unwrap();
        assert_eq!(steps.iter().map(|step| step.key.as_str()).collect::<Vec<_>>(), ["name", "given"]);
        assert!(path("name[x]").is_err());
        assert!(path(&format!("{}b", "a.".repeat(20_000))).is_err());
    }
}
