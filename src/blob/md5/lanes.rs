//! MD5 of several texts at once.
//!
//! MD5 is one long chain: each of its steps needs the one before it, so that a text of its own keeps
//! but a part of a core busy. Here the same steps are made for a text in each lane of a vector, of the
//! kind that every such processor has: four of them take 1.4 times as long as one.

#![expect(
    clippy::inline_always,
    reason = "left to itself, the compiler makes calls of single steps, as it does of `map`"
)]

use std::hint::black_box;
use std::slice::Iter;

/// A word of each text.
use wide::u32x4 as Words;

/// What is hashed at a time.
pub(super) type Block = [u8; 64];

/// Where the chain of a text has come to.
pub(super) type Chain = [u32; 4];

/// The most texts that are hashed at once.
pub(super) const MOST: usize = 4;

/// A text: where its chain is, and what is to come.
#[derive(Debug)]
pub(super) struct Text<'t> {
    pub(super) chain: &'t mut Chain,
    pub(super) blocks: &'t [Block],
}

/// Moves the chains of texts over all of their blocks, of several at once as far as they go together.
pub(super) fn hash(mut texts: Vec<Text<'_>>) {
    loop {
        texts.retain(|text| !text.blocks.is_empty());
        match texts.as_mut_slice() {
            [] => return,
            [_] => return texts.into_iter().for_each(Text::hash),
            several => together(several),
        }
    }
}

impl Text<'_> {
    /// Moves the chain over all blocks. For one text that is quicker than a vector is.
    pub(super) fn hash(self) {
        for block in self.blocks {
            fast_md5::transform(self.chain, block);
        }
    }
}

/// Moves the chains of the first [`MOST`] texts, at most, as far as the shortest of them goes. In a lane
/// that is left over, the first is hashed once more.
fn together(texts: &mut [Text<'_>]) {
    let length = texts.iter().take(MOST).map(|text| text.blocks.len()).min().unwrap_or_default();
    let (mut chains, mut blocks) = ([Chain::default(); MOST], [&[] as &[Block]; MOST]);
    for ((chain, blocks), number) in chains.iter_mut().zip(&mut blocks).zip(0..) {
        if let Some(text) = texts.get(number).or(texts.first()) {
            (*chain, *blocks) = (*text.chain, text.blocks.get(..length).unwrap_or_default());
        }
    }
    run(&mut chains, blocks.map(<[Block]>::iter));
    for (text, chain) in texts.iter_mut().zip(chains) {
        *text.chain = chain;
        text.blocks = text.blocks.get(length..).unwrap_or_default();
    }
}

/// Four words of each text as one word of all, four times.
#[inline(always)]
fn transposed([a, b, c, d]: [[u32; 4]; MOST]) -> [Words; 4] {
    Words::transpose([Words::new(a), Words::new(b), Words::new(c), Words::new(d)])
}

/// The chains over blocks of equal number.
fn run(chains: &mut [Chain; MOST], mut blocks: [Iter<'_, Block>; MOST]) {
    let mut state = transposed(*chains);
    let mut rows = [[[0; 4]; MOST]; 4];
    'blocks: loop {
        let [first, second, third, fourth] = &mut rows;
        let lanes = first.iter_mut().zip(second).zip(third).zip(fourth);
        for ((((first, second), third), fourth), blocks) in lanes.zip(&mut blocks) {
            let Some(block) = blocks.next() else { break 'blocks };
            [*first, *second, *third, *fourth] = words(block);
        }
        let [first, second, third, fourth] = rows;
        let words = [transposed(first), transposed(second), transposed(third), transposed(fourth)];
        state = compress(state, words);
    }
    let [a, b, c, d] = state.map(Words::to_array);
    for (chain, (((a, b), c), d)) in chains.iter_mut().zip(a.into_iter().zip(b).zip(c).zip(d)) {
        *chain = [a, b, c, d];
    }
}

/// A block as words.
#[inline(always)]
fn words(block: &Block) -> [[u32; 4]; 4] {
    let mut words = [[0; 4]; 4];
    for (word, bytes) in words.as_flattened_mut().iter_mut().zip(block.as_chunks().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    words
}

/// The numbers of RFC 1321, section 3.4: four rounds of sixteen.
static SINES: [[[u32; 4]; 4]; 4] = [
    [
        [0xd76a_a478, 0xe8c7_b756, 0x2420_70db, 0xc1bd_ceee],
        [0xf57c_0faf, 0x4787_c62a, 0xa830_4613, 0xfd46_9501],
        [0x6980_98d8, 0x8b44_f7af, 0xffff_5bb1, 0x895c_d7be],
        [0x6b90_1122, 0xfd98_7193, 0xa679_438e, 0x49b4_0821],
    ],
    [
        [0xf61e_2562, 0xc040_b340, 0x265e_5a51, 0xe9b6_c7aa],
        [0xd62f_105d, 0x0244_1453, 0xd8a1_e681, 0xe7d3_fbc8],
        [0x21e1_cde6, 0xc337_07d6, 0xf4d5_0d87, 0x455a_14ed],
        [0xa9e3_e905, 0xfcef_a3f8, 0x676f_02d9, 0x8d2a_4c8a],
    ],
    [
        [0xfffa_3942, 0x8771_f681, 0x6d9d_6122, 0xfde5_380c],
        [0xa4be_ea44, 0x4bde_cfa9, 0xf6bb_4b60, 0xbebf_bc70],
        [0x289b_7ec6, 0xeaa1_27fa, 0xd4ef_3085, 0x0488_1d05],
        [0xd9d4_d039, 0xe6db_99e5, 0x1fa2_7cf8, 0xc4ac_5665],
    ],
    [
        [0xf429_2244, 0x432a_ff97, 0xab94_23a7, 0xfc93_a039],
        [0x655b_59c3, 0x8f0c_cc92, 0xffef_f47d, 0x8584_5dd1],
        [0x6fa8_7e4f, 0xfe2c_e6e0, 0xa301_4314, 0x4e08_11a1],
        [0xf753_7e82, 0xbd3a_f235, 0x2ad7_d2bb, 0xeb86_d391],
    ],
];

/// RFC 1321, section 3.4: one block of each text.
#[rustfmt::skip]
#[inline(always)]
fn compress(
    before: [Words; 4],
    [[w0, w1, w2, w3], [w4, w5, w6, w7], [w8, w9, w10, w11], [w12, w13, w14, w15]]: [[Words; 4]; 4],
) -> [Words; 4] {
    // Numbers that the compiler knows it adds last, where all that follows waits for them.
    let [one, two, three, four] = black_box(&SINES);
    let order = [[w0, w1, w2, w3], [w4, w5, w6, w7], [w8, w9, w10, w11], [w12, w13, w14, w15]];
    let state = round(before, order, one, [7, 12, 17, 22], |x, y, z| z ^ (x & (y ^ z)));
    let order = [[w1, w6, w11, w0], [w5, w10, w15, w4], [w9, w14, w3, w8], [w13, w2, w7, w12]];
    let state = round(state, order, two, [5, 9, 14, 20], |x, y, z| (x & z) | (y & !z));
    let order = [[w5, w8, w11, w14], [w1, w4, w7, w10], [w13, w0, w3, w6], [w9, w12, w15, w2]];
    let state = round(state, order, three, [4, 11, 16, 23], |x, y, z| x ^ (y ^ z));
    let order = [[w0, w7, w14, w5], [w12, w3, w10, w1], [w8, w15, w6, w13], [w4, w11, w2, w9]];
    let [a, b, c, d] = round(state, order, four, [6, 10, 15, 21], |x, y, z| y ^ (x | !z));
    let [before_a, before_b, before_c, before_d] = before;
    [before_a + a, before_b + b, before_c + c, before_d + d]
}

/// Sixteen steps with one mixing function.
#[inline(always)]
fn round(
    [mut a, mut b, mut c, mut d]: [Words; 4],
    order: [[Words; 4]; 4],
    sines: &[[u32; 4]; 4],
    [one, two, three, four]: [u32; 4],
    mix: impl Fn(Words, Words, Words) -> Words,
) -> [Words; 4] {
    for ([w0, w1, w2, w3], [k0, k1, k2, k3]) in order.into_iter().zip(sines) {
        a = b + rotated(a + w0 + Words::splat(*k0) + mix(b, c, d), one);
        d = a + rotated(d + w1 + Words::splat(*k1) + mix(a, b, c), two);
        c = d + rotated(c + w2 + Words::splat(*k2) + mix(d, a, b), three);
        b = c + rotated(b + w3 + Words::splat(*k3) + mix(c, d, a), four);
    }
    [a, b, c, d]
}

#[inline(always)]
fn rotated(words: Words, by: u32) -> Words {
    (words << by) | (words >> (32 - by))
}
