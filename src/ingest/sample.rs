//! Training the dictionaries of an accession on a sample of its own records and notes.
//!
//! Not for: dictionaries that outlive the accession: they hold patient data and are retrained with it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::error::IngestError;
use super::gather::GatherPlan;
use super::spill::{self, Buckets, KeptBucket};
use super::spread::BucketPlan;
use crate::durable;
use crate::store::codec::{Encoder, RecordIn, WHOLE};

const DICTIONARY_BYTES: usize = 112 << 10;
/// Bytes of samples per dictionary: about thirty times its size is what the trainer asks for.
const SAMPLE_BYTES: usize = 4 << 20;
/// Kept pieces that are sampled, and bytes of a slice.
const KEPT_SAMPLES: usize = 256;
const KEPT_SLICE: usize = 8 << 10;
/// Records of one sample payload, about a small chart.
const SAMPLE_RECORDS: usize = 96;

/// Trains both dictionaries and writes them; too small a delivery gets none (an empty file).
pub fn train(plan: &mut GatherPlan<'_>, buckets: &Buckets, bucket_plan: BucketPlan) -> Result<(), IngestError> {
    let (mut charts, mut documents) = (Samples::default(), Samples::default());
    let step = (bucket_plan.patients / 4).max(1);
    for bucket in (0..bucket_plan.patients).step_by(step) {
        let bytes = spill::load(buckets.path(bucket))?;
        take(plan, &bytes, &mut charts, &mut documents)?;
    }
    take_kept(&KeptBucket::open(buckets.path(bucket_plan.kept()))?, &mut documents)?;
    plan.chart_dictionary = charts.train();
    plan.document_dictionary = documents.train();
    let empty: &[u8] = &[];
    durable::write_new(&plan.generation.chart_dictionary(), plan.chart_dictionary.as_deref().unwrap_or(empty))?;
    durable::write_new(&plan.generation.document_dictionary(), plan.document_dictionary.as_deref().unwrap_or(empty))?;
    Ok(())
}

#[derive(Default)]
struct Samples {
    bytes: Vec<u8>,
    sizes: Vec<usize>,
}

impl Samples {
    fn push(&mut self, sample: &[u8]) {
        // A sample longer than a block teaches nothing more.
        let sample = &sample[..sample.len().min(128 << 10)];
        if self.bytes.len() + sample.len() <= SAMPLE_BYTES && sample.len() > 8 {
            self.bytes.extend_from_slice(sample);
            self.sizes.push(sample.len());
        }
    }

    fn train(&self) -> Option<Vec<u8>> {
        if self.sizes.len() < 16 || self.bytes.len() < 4 * DICTIONARY_BYTES {
            return None;
        }
        zstd::dict::from_continuous(&self.bytes, &self.sizes, DICTIONARY_BYTES).ok()
    }
}

/// Pieces of files that are kept whole lie in the documents too: of some of them, spread evenly, two slices each, since
/// what documents of one make share stands at their beginnings as well as further in.
fn take_kept(kept: &KeptBucket, documents: &mut Samples) -> Result<(), IngestError> {
    let step = kept.len().div_ceil(KEPT_SAMPLES).max(1);
    for index in (0..kept.len()).step_by(step) {
        let bytes = kept.read(index)?.bytes;
        let (begin, rest) = bytes.split_at(bytes.len().min(KEPT_SLICE));
        documents.push(begin);
        let middle = rest.len() / 2;
        documents.push(&rest[middle..rest.len().min(middle + KEPT_SLICE)]);
    }
    Ok(())
}

fn take(plan: &GatherPlan<'_>, bytes: &[u8], charts: &mut Samples, documents: &mut Samples) -> Result<(), IngestError> {
    let spans = spill::entries(bytes).map_err(|e| IngestError::Scratch(e.0))?;
    let mut records = Vec::new();
    for (start, end) in spans {
        let record = spill::read_record(&bytes[start..end]).map_err(|e| IngestError::Scratch(e.0))?;
        if plan.finals.get(record.shape as usize).is_some_and(|f| *f != WHOLE) {
            records.push(record);
        }
    }
    records.sort_by(|a, b| (a.patient, a.shape, a.key).cmp(&(b.patient, b.shape, b.key)));
    let mut encoder = Encoder::default();
    for group in records.chunks(SAMPLE_RECORDS).take(64) {
        let mut leaves = Vec::with_capacity(group.len());
        let mut moved = Vec::with_capacity(group.len());
        for record in group {
            let mut slices = Vec::new();
            spill::leaf_slices(record.leaves, &mut slices).map_err(|e| IngestError::Scratch(e.0))?;
            let planned = &plan.shapes[plan.finals[record.shape as usize] as usize - 1];
            for index in &planned.data {
                if let Ok(document) = BASE64.decode(slices[usize::from(*index)]) {
                    documents.push(&document);
                }
            }
            moved.push(planned.data.clone());
            leaves.push(slices);
        }
        let inputs: Vec<RecordIn<'_>> = group
            .iter()
            .zip(&leaves)
            .zip(&moved)
            .map(|((record, leaves), moved)| RecordIn { shape: plan.finals[record.shape as usize], leaves, moved })
            .collect();
        charts.push(&encoder.encode(&inputs).0);
    }
    Ok(())
}
