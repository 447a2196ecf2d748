//! From columns by name to columns by place.
//!
//! Not for: reading tables (`prepare`).

use super::expr::{Expr, Name, Slot};
use super::tables::{Emit, Table};

/// The columns of a file, and those of its joins that its expressions ask for.
pub struct Columns<'a> {
    pub table: &'a Table,
    pub own: &'a [String],
    /// For each join the columns that are asked for.
    pub joined: Vec<Vec<String>>,
    /// Which of the file's columns are used.
    pub used: Vec<bool>,
}

/// A column that is not there; a joined one is found missing when its table is read.
type Found = Result<Slot, String>;

impl<'a> Columns<'a> {
    pub fn new(table: &'a Table, own: &'a [String]) -> Columns<'a> {
        Columns { table, own, joined: vec![Vec::new(); table.joins.len()], used: vec![false; own.len()] }
    }

    pub fn place(&self, name: &str) -> Option<usize> {
        place(self.own, name)
    }

    /// Where a column stands. `known` is how many joins come before.
    fn find(&mut self, name: &Name, known: usize) -> Found {
        let Some(join) = &name.join else {
            return match self.place(&name.column) {
                Some(place) => {
                    if let Some(used) = self.used.get_mut(place) {
                        *used = true;
                    }
                    Ok(Slot::Own(place))
                }
                // Beyond the last field: always null.
                None if place(&self.table.optional, &name.column).is_some() => Ok(Slot::Own(usize::MAX)),
                None => Err(format!("no column {}", name.column)),
            };
        };
        let number = self.table.joins.iter().take(known).position(|other| other.name == *join);
        let number = number.ok_or_else(|| format!("no join {join} before this place"))?;
        let Some(asked) = self.joined.get_mut(number) else { return Err(format!("no join {join}")) };
        let column = place(asked, &name.column).unwrap_or_else(|| {
            asked.push(name.column.clone());
            asked.len() - 1
        });
        Ok(Slot::Join(number, column))
    }

    pub fn expr(&mut self, expr: &Expr<Name>, known: usize) -> Result<Expr<Slot>, String> {
        expr.resolve(&mut |name: &Name| self.find(name, known))
    }

    pub fn emit(&mut self, emit: &Emit<Name>) -> Result<Emit<Slot>, String> {
        let known = self.table.joins.len();
        let in_emit = |what: String| format!("{}: {what}", emit.kind);
        let mut maybe = |expr: &Option<Expr<Name>>| expr.as_ref().map(|e| self.expr(e, known)).transpose().map_err(in_emit);
        let when = maybe(&emit.when)?;
        let security = emit.security.iter().map(|(when, coding)| Ok((maybe(when)?, coding.clone())));
        let security = security.collect::<Result<_, String>>()?;
        // What decides whether a resource is made is not said by it: from here on columns count as said.
        let decides = std::mem::replace(&mut self.used, vec![false; self.own.len()]);
        let mut maybe = |expr: &Option<Expr<Name>>| expr.as_ref().map(|e| self.expr(e, known)).transpose().map_err(in_emit);
        let patient = maybe(&emit.patient)?;
        let last_updated = match &emit.last_updated {
            None => None,
            Some((source, times)) => {
                let source = source.resolve(&mut |name: &Name| self.find(name, known)).map_err(in_emit)?;
                Some((source, times.clone()))
            }
        };
        let id = emit.id.iter().map(|e| self.expr(e, known)).collect::<Result<_, _>>().map_err(in_emit)?;
        let members = emit.members.resolve(&mut |name: &Name, field: &str| {
            self.find(name, known).map_err(|what| in_emit(format!("field \"{field}\": {what}")))
        })?;
        let unused = unused(&self.used);
        self.used.iter_mut().zip(decides).for_each(|(used, before)| *used |= before);
        let (kind, namespace) = (emit.kind, emit.namespace.clone());
        Ok(Emit { kind, when, id, namespace, patient, last_updated, security, members, unused })
    }
}

/// The places of columns that are not used.
pub fn unused(used: &[bool]) -> Vec<usize> {
    used.iter().enumerate().filter(|(_, used)| !**used).map(|(place, _)| place).collect()
}

/// A name among others: as written, else the only one that differs in case alone.
pub fn place(names: &[String], wanted: &str) -> Option<usize> {
    if let Some(found) = names.iter().position(|name| name == wanted) {
        return Some(found);
    }
    let mut alike = names.iter().enumerate().filter(|(_, name)| name.eq_ignore_ascii_case(wanted)).map(|(at, _)| at);
    alike.next().filter(|_| alike.next().is_none())
}
