//! Numbers of any width up to 64 bits, one after another, lowest bit first.

/// Collects bits into bytes.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    held: u64,
    count: u32,
}

impl BitWriter {
    /// Appends the low `bits` bits of `value`; the bits above them are 0.
    pub(super) fn put(&mut self, value: u64, bits: u32) {
        if bits == 0 {
            return;
        }
        self.held |= value << self.count;
        if self.count + bits < 64 {
            self.count += bits;
            return;
        }
        self.bytes.extend_from_slice(&self.held.to_le_bytes());
        let written = 64 - self.count;
        self.held = if written < 64 { value >> written } else { 0 };
        self.count = bits - written;
    }

    /// All bytes; the last is padded with zero bits.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let left = self.count.div_ceil(8) as usize;
        self.bytes.extend_from_slice(&self.held.to_le_bytes()[..left]);
        self.bytes
    }
}

/// Reads what [`BitWriter`] wrote. Past the end there are zeros: callers check the length beforehand.
#[derive(Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> BitReader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    #[inline]
    pub(super) fn get(&mut self, bits: u32) -> u64 {
        let (byte, shift) = (self.at >> 3, (self.at & 7) as u32);
        self.at += bits as usize;
        let word = match self.bytes.get(byte..byte + 8).and_then(|bytes| bytes.first_chunk()) {
            Some(bytes) => u64::from_le_bytes(*bytes),
            None => self.last_word(byte),
        };
        let mut value = word >> shift;
        if shift + bits > 64 {
            let next = self.bytes.get(byte + 8).copied().unwrap_or(0);
            value |= u64::from(next) << (64 - shift);
        }
        if bits >= 64 { value } else { value & ((1 << bits) - 1) }
    }

    #[cold]
    fn last_word(&self, byte: usize) -> u64 {
        let mut word = [0; 8];
        let rest = self.bytes.get(byte..).unwrap_or_default();
        let length = rest.len().min(8);
        word[..length].copy_from_slice(&rest[..length]);
        u64::from_le_bytes(word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_comes_back() {
        let values: Vec<(u64, u32)> = (0..=64_u32)
            .chain([64, 1, 63, 7, 0, 64])
            .map(|bits| (0x9e37_79b9_7f4a_7c15_u64 & ((1_u128 << bits) - 1) as u64, bits))
            .collect();
        let mut writer = BitWriter::default();
        values.iter().for_each(|(value, bits)| writer.put(*value, *bits));
        let bytes = writer.finish();
        let total: u32 = values.iter().map(|(_, bits)| bits).sum();
        assert_eq!(bytes.len(), total.div_ceil(8) as usize);
        let mut reader = BitReader::new(&bytes);
        for (value, bits) in values {
            assert_eq!(reader.get(bits), value, "{bits} bits");
        }
        assert_eq!(reader.get(64), 0);
    }
}
