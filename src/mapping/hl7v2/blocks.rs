//! Orders within a message: an ORC or OBR with what stands below it, up to the next.
//!
//! The grammar is loose on purpose: senders leave out ORC, repeat OBR below one ORC, and put segments in an order of
//! their own. Not for: what the segments say.

use super::group::Group;
use crate::formats::hl7v2::Segment;

/// An order, or what stands before the first one.
#[derive(Default)]
pub(super) struct Block<'m> {
    /// Also that of an order before, when several OBR stand below one ORC.
    pub orc: Option<Segment<'m>>,
    pub obr: Option<Segment<'m>>,
    /// The specimen above, in messages that go by specimens (OUL^R22, R23).
    pub specimen: Option<Segment<'m>>,
    /// All other segments, in their order.
    pub rest: Vec<Segment<'m>>,
}

impl<'m> Block<'m> {
    pub fn all(group: &Group<'m>) -> Vec<Block<'m>> {
        let goes_by_specimen = group.code == "OUL" && matches!(group.event.as_str(), "R22" | "R23");
        let mut blocks: Vec<Block<'m>> = vec![Block::default()];
        for &segment in &group.segments {
            let Some(last) = blocks.last_mut() else { break };
            match segment.name() {
                "ORC" if group.code == "OUL" && last.obr.is_some() && last.orc.is_none() => last.orc = Some(segment),
                "ORC" => {
                    let specimen = last.specimen;
                    blocks.push(Block { orc: Some(segment), specimen, ..Block::default() });
                }
                "OBR" if last.obr.is_none() && !last.rest.iter().any(|s| s.is("OBX")) => last.obr = Some(segment),
                "OBR" => {
                    let (orc, specimen) = (last.orc, last.specimen);
                    blocks.push(Block { orc, obr: Some(segment), specimen, rest: Vec::new() });
                }
                "SPM" if goes_by_specimen => blocks.push(Block { specimen: Some(segment), ..Block::default() }),
                _ => last.rest.push(segment),
            }
        }
        blocks
    }

    /// The segments of that name below this order.
    pub fn all_of<'b>(&'b self, name: &'b str) -> impl Iterator<Item = Segment<'m>> + 'b {
        self.rest.iter().copied().filter(move |s| s.is(name))
    }

    pub fn first(&self, name: &str) -> Option<Segment<'m>> {
        self.all_of(name).next()
    }

    /// The notes right below the order itself, before anything that may have notes of its own.
    pub fn notes(&self) -> Vec<Segment<'m>> {
        const OWNERS: [&str; 11] = ["OBX", "SPM", "SAC", "RXO", "RXE", "RXD", "RXA", "RXC", "FT1", "DG1", "PRB"];
        self.rest.iter().copied().take_while(|s| !OWNERS.contains(&s.name())).filter(|s| s.is("NTE")).collect()
    }
}

/// Cuts an order's segments where one of these names begins; what stands before the first belongs to the first.
pub(super) fn parts<'b, 'm>(segments: &'b [Segment<'m>], names: &[&str]) -> Vec<&'b [Segment<'m>]> {
    let starts = (0..segments.len()).filter(|&i| segments.get(i).is_some_and(|s| names.contains(&s.name())));
    let mut starts: Vec<usize> = starts.collect();
    if let Some(first) = starts.first_mut() {
        *first = 0;
    }
    let ends = starts.iter().copied().skip(1).chain([segments.len()]);
    starts.iter().zip(ends).filter_map(|(&start, end)| segments.get(start..end)).collect()
}
