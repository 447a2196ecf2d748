//! The tree of a document: elements, attributes and text in the order of the document, in three vectors.
//!
//! A node knows the index after its last descendant, which is where its next sibling begins, so that no walk needs
//! recursion or a parent. Strings are places in the decoded text; only what had to be changed (references resolved, line
//! ends) lies in a second text.
//!
//! Not for: reading XML (`build`), what elements mean (`document`).

use std::borrow::Cow;
use std::ops::Range;

/// The namespaces that matter here. Attributes without a prefix count as `V3`, as their elements do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Namespace {
    /// `urn:hl7-org:v3`.
    V3,
    /// `urn:hl7-org:sdtc`, the extensions.
    Sdtc,
    /// XML Schema instance (`xsi:type`).
    Xsi,
    Other,
}

/// A string of the tree: a place in the decoded text, or behind its end in the text of changed strings.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct Slice {
    pub start: u32,
    pub len: u32,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Element { namespace: Namespace, name: Slice, attributes: u32, attribute_count: u16 },
    Text(Slice),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    pub kind: Kind,
    /// The index after the last descendant.
    pub end: u32,
    /// In the decoded text: the whole element, and what lies between its tags.
    pub outer: (u32, u32),
    pub inner: (u32, u32),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Attribute {
    pub namespace: Namespace,
    pub name: Slice,
    pub value: Slice,
}

#[derive(Debug)]
pub(super) struct Tree<'a> {
    pub text: Cow<'a, str>,
    pub changed: String,
    pub nodes: Vec<Record>,
    pub attributes: Vec<Attribute>,
    /// Elements by their attribute `ID`, sorted by it; the first of equals comes first.
    pub ids: Vec<(Slice, u32)>,
    /// Bytes in front of the decoded text: the byte-order mark.
    pub mark: usize,
}

impl Tree<'_> {
    pub fn str(&self, slice: Slice) -> &str {
        let (start, len) = (slice.start as usize, slice.len as usize);
        let found = match start.checked_sub(self.text.len()) {
            None => self.text.get(start..start + len),
            Some(start) => self.changed.get(start..start + len),
        };
        found.unwrap_or("")
    }

    pub fn by_id(&self, id: &str) -> Option<Element<'_>> {
        let at = self.ids.partition_point(|(slice, _)| self.str(*slice) < id);
        let (_, node) = self.ids.get(at).filter(|(slice, _)| self.str(*slice) == id)?;
        Node::at(self, *node)?.element()
    }
}

/// A piece of content, in the order of the document.
#[derive(Clone, Copy)]
pub enum Node<'t> {
    Element(Element<'t>),
    /// Text with its references resolved.
    Text(&'t str),
}

impl<'t> Node<'t> {
    fn at(tree: &'t Tree<'t>, at: u32) -> Option<Node<'t>> {
        Some(match tree.nodes.get(at as usize)?.kind {
            Kind::Element { .. } => Node::Element(Element { tree, at }),
            Kind::Text(slice) => Node::Text(tree.str(slice)),
        })
    }

    pub fn element(self) -> Option<Element<'t>> {
        match self {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        }
    }
}

/// An element. Names of elements and attributes are asked for as they are usually written: `code` in the namespace of
/// CDA, `sdtc:raceCode` in that of the extensions, `xsi:type`; how the document itself abbreviates them does not matter.
#[derive(Clone, Copy)]
pub struct Element<'t> {
    tree: &'t Tree<'t>,
    at: u32,
}

impl<'t> Element<'t> {
    /// The root: nothing is kept that stands in front of it.
    pub(super) fn first(tree: &'t Tree<'t>) -> Element<'t> {
        Element { tree, at: 0 }
    }

    /// Which node of its document it is: elements are the same when their places are.
    pub fn place(&self) -> usize {
        self.at as usize
    }

    fn record(&self) -> Option<&'t Record> {
        self.tree.nodes.get(self.at as usize)
    }

    /// The name without a prefix.
    pub fn name(&self) -> &'t str {
        match self.record().map(|r| r.kind) {
            Some(Kind::Element { name, .. }) => self.tree.str(name),
            _ => "",
        }
    }

    pub fn namespace(&self) -> Namespace {
        match self.record().map(|r| r.kind) {
            Some(Kind::Element { namespace, .. }) => namespace,
            _ => Namespace::Other,
        }
    }

    /// Whether this is the element of that name.
    pub fn is(&self, name: &str) -> bool {
        let (namespace, local) = key(name);
        self.namespace() == namespace && self.name() == local
    }

    /// The value of an attribute, trimmed; empty when there is none.
    pub fn attr(&self, name: &str) -> &'t str {
        let (namespace, local) = key(name);
        let found = self.records().iter().find(|a| a.namespace == namespace && self.tree.str(a.name) == local);
        found.map_or("", |a| self.tree.str(a.value).trim())
    }

    /// All attributes but namespace declarations: namespace, name, value as it stands.
    pub fn attributes(&self) -> impl Iterator<Item = (Namespace, &'t str, &'t str)> + use<'t> {
        let tree = self.tree;
        self.records().iter().map(move |a| (a.namespace, tree.str(a.name), tree.str(a.value)))
    }

    fn records(&self) -> &'t [Attribute] {
        match self.record().map(|r| r.kind) {
            Some(Kind::Element { attributes, attribute_count, .. }) => {
                let start = attributes as usize;
                self.tree.attributes.get(start..start + usize::from(attribute_count)).unwrap_or(&[])
            }
            _ => &[],
        }
    }

    /// `xsi:type` without its prefix.
    pub fn xsi_type(&self) -> &'t str {
        let value = self.attr("xsi:type");
        value.rsplit(':').next().unwrap_or(value)
    }

    /// Whether the element says that it has no value, and why not (`nullFlavor`); empty when it does not say so.
    pub fn null_flavor(&self) -> &'t str {
        self.attr("nullFlavor")
    }

    /// What lies directly inside, in order.
    pub fn nodes(&self) -> impl Iterator<Item = Node<'t>> + use<'t> {
        let tree = self.tree;
        let end = self.record().map_or(0, |r| r.end);
        let mut at = self.at + 1;
        std::iter::from_fn(move || {
            let record = tree.nodes.get(at as usize).filter(|_| at < end)?;
            let node = Node::at(tree, at);
            at = record.end;
            node
        })
    }

    /// The elements directly inside.
    pub fn elements(&self) -> impl Iterator<Item = Element<'t>> + use<'t> {
        self.nodes().filter_map(Node::element)
    }

    /// The elements of that name directly inside.
    pub fn children<'n>(&self, name: &'n str) -> impl Iterator<Item = Element<'t>> + use<'t, 'n> {
        let (namespace, local) = key(name);
        self.elements().filter(move |e| e.namespace() == namespace && e.name() == local)
    }

    /// The first element of that name directly inside.
    pub fn child(&self, name: &str) -> Option<Element<'t>> {
        self.children(name).next()
    }

    /// Down by the first element of each name.
    pub fn path(&self, names: &[&str]) -> Option<Element<'t>> {
        names.iter().try_fold(*self, |element, name| element.child(name))
    }

    /// All elements below, at any depth, in order.
    pub fn descendants(&self) -> impl Iterator<Item = Element<'t>> + use<'t> {
        let tree = self.tree;
        let end = self.record().map_or(0, |r| r.end);
        (self.at + 1..end).filter_map(move |at| Node::at(tree, at)?.element())
    }

    /// All text below, as it stands.
    pub fn text(&self) -> Cow<'t, str> {
        let end = self.record().map_or(0, |r| r.end);
        let mut texts = (self.at + 1..end).filter_map(|at| match Node::at(self.tree, at) {
            Some(Node::Text(text)) => Some(text),
            _ => None,
        });
        let Some(first) = texts.next() else { return Cow::Borrowed("") };
        match texts.next() {
            None => Cow::Borrowed(first),
            Some(second) => Cow::Owned([first, second].into_iter().chain(texts).collect()),
        }
    }

    /// How long the document is between its tags, in bytes of the decoded text.
    pub fn extent(&self) -> usize {
        self.record().map_or(0, |r| r.inner.1.saturating_sub(r.inner.0) as usize)
    }

    /// The bytes of the element in the document as it was given; unknown when that was not UTF-8.
    pub fn span(&self) -> Option<Range<usize>> {
        self.bytes(self.record()?.outer)
    }

    /// The bytes between its tags.
    pub fn inner_span(&self) -> Option<Range<usize>> {
        self.bytes(self.record()?.inner)
    }

    fn bytes(&self, (start, end): (u32, u32)) -> Option<Range<usize>> {
        let mark = self.tree.mark;
        matches!(self.tree.text, Cow::Borrowed(_)).then_some(start as usize + mark..end as usize + mark)
    }
}

fn key(name: &str) -> (Namespace, &str) {
    match (name.strip_prefix("sdtc:"), name.strip_prefix("xsi:")) {
        (Some(local), _) => (Namespace::Sdtc, local),
        (_, Some(local)) => (Namespace::Xsi, local),
        _ => (Namespace::V3, name),
    }
}
