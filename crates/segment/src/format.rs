//! Layout constants of segment format version 1, in file order. The page is `docs/formats/segment.md`.

/// The version this program writes, and the newest it reads.
pub const VERSION: u16 = 1;

// Object header: magic, version, reserved.
pub const OBJECT_MAGIC: [u8; 4] = *b"SGYN";
pub const HEADER_VERSION_AT: usize = OBJECT_MAGIC.len();
pub const HEADER_RESERVED_AT: usize = HEADER_VERSION_AT + 2;
pub const HEADER_LENGTH: usize = HEADER_RESERVED_AT + 2;

// First byte of a section: how its body is stored.
pub const SECTION_PLAIN: u8 = 0;
pub const SECTION_ZSTD: u8 = 1;
/// Only of a lines column: templates follow.
pub const LINES_TEMPLATES: u8 = 2;

// Timestamps column: the decimal exponent of the unit comes first.
pub const TIME_UNITS: [i64; 4] = [1, 1_000, 1_000_000, 1_000_000_000];

// Line lengths column: bytes per length; 0 means that all lengths are the one value that follows.
pub const LENGTHS_CONST: u8 = 0;

// Metadata column: which value each row has …
pub const MAPPING_CONST: u8 = 0;
pub const MAPPING_IDS_1: u8 = 1;
pub const MAPPING_IDS_2: u8 = 2;
pub const MAPPING_PLAIN: u8 = 3;
// … whether rows without a value are marked in a bitmap …
pub const PRESENCE_ALL: u8 = 0;
pub const PRESENCE_BITMAP: u8 = 1;
// … and how the table of values is stored.
pub const VALUES_TEXT: u8 = 0;
pub const VALUES_HEX: u8 = 1;

// Templates: how the strings of a column are stored …
pub const STRINGS_SAME: u8 = 0;
pub const STRINGS_TEXT: u8 = 1;
pub const STRINGS_WORDS: u8 = 2;
pub const STRINGS_DECIMAL: u8 = 3;
pub const STRINGS_PADDED: u8 = 4;
pub const STRINGS_HEX_LOWER: u8 = 5;
pub const STRINGS_HEX_UPPER: u8 = 6;
pub const STRINGS_CLOCK: u8 = 7;
pub const STRINGS_TEMPLATES: u8 = 8;
// … what numbers are relative to …
pub const BASE_ZERO: u8 = 0;
pub const BASE_PREVIOUS: u8 = 1;
pub const BASE_CLOCK: u8 = 2;
pub const BASE_EPOCH: u8 = 3;
pub const BASE_FRACTION: u8 = 4;
// … and how they are stored.
pub const NUMBERS_SAME: u8 = 0;
pub const NUMBERS_PLANES: u8 = 1;
pub const NUMBERS_CLASSES: u8 = 2;
pub const NUMBERS_TABLE: u8 = 3;
/// Most entries of a table of numbers.
pub const NUMBERS_TABLE_MAX: u64 = 1 << 16;
/// Most templates of one column; a template's number fits a `u16`.
pub const TEMPLATES_MAX: u64 = 1 << 15;
/// Templates within slots within templates: how deep.
pub const TEMPLATES_DEPTH_MAX: usize = 8;
/// Most bytes of lines that are stored as templates: decoding takes several times as much.
pub const TEMPLATES_RAW_MAX: u64 = 64 << 20;

// Column kinds in the block index; 3 + n is the nth metadata name.
pub const COLUMN_TIMESTAMPS: u64 = 0;
pub const COLUMN_LINE_LENGTHS: u64 = 1;
pub const COLUMN_LINES: u64 = 2;
pub const COLUMN_METADATA: u64 = 3;

// Part trailer.
pub const PART_FOOTER_LENGTH_AT: usize = 0;
pub const PART_FOOTER_RAW_LENGTH_AT: usize = PART_FOOTER_LENGTH_AT + 4;
pub const PART_LENGTH_AT: usize = PART_FOOTER_RAW_LENGTH_AT + 4;
pub const PART_VERSION_AT: usize = PART_LENGTH_AT + 8;
pub const PART_RESERVED_AT: usize = PART_VERSION_AT + 2;
pub const PART_CRC_AT: usize = PART_RESERVED_AT + 2;
pub const PART_MAGIC_AT: usize = PART_CRC_AT + 4;
pub const PART_TRAILER_LENGTH: usize = PART_MAGIC_AT + PART_MAGIC.len();
pub const PART_MAGIC: [u8; 4] = *b"SGPT";

// Object trailer.
pub const OBJECT_DIRECTORY_LENGTH_AT: usize = 0;
pub const OBJECT_PARTS_AT: usize = OBJECT_DIRECTORY_LENGTH_AT + 4;
pub const OBJECT_LENGTH_AT: usize = OBJECT_PARTS_AT + 4;
pub const OBJECT_VERSION_AT: usize = OBJECT_LENGTH_AT + 8;
pub const OBJECT_RESERVED_AT: usize = OBJECT_VERSION_AT + 2;
pub const OBJECT_CRC_AT: usize = OBJECT_RESERVED_AT + 2;
pub const OBJECT_MAGIC_AT: usize = OBJECT_CRC_AT + 4;
pub const OBJECT_TRAILER_LENGTH: usize = OBJECT_MAGIC_AT + OBJECT_END_MAGIC.len();
pub const OBJECT_END_MAGIC: [u8; 4] = *b"SGEN";

/// Raw line bytes at which a block is full.
pub const BLOCK_LINE_BYTES: usize = 256 << 10;
/// The same once compacted: larger blocks take less space.
pub const COMPACTED_BLOCK_LINE_BYTES: usize = 512 << 10;
/// The same once compacted for good: templates need many lines of a kind, but what is read at a time should stay small.
pub const LAST_BLOCK_LINE_BYTES: usize = 2 << 20;
/// Raw structured metadata bytes at which a block is full.
pub const BLOCK_METADATA_BYTES: usize = 1 << 20;
/// Rows at which a block is full.
pub const BLOCK_ROWS: usize = 16_384;
/// The same once compacted.
pub const COMPACTED_BLOCK_ROWS: usize = 32_768;
/// Distinct structured metadata names at which a block is full.
pub const BLOCK_METADATA_NAMES: usize = 512;

/// Most rows a reader accepts in a block.
pub const ROWS_MAX: u64 = 1 << 20;
/// Largest decoded column a writer makes and a reader accepts, in bytes.
pub const COLUMN_RAW_MAX: u64 = 256 << 20;
/// Most bytes that an incompressible column takes above its decoded size.
pub const COLUMN_OVERHEAD_MAX: u64 = 1 << 20;
/// Largest decoded footer a writer makes and a reader accepts, in bytes.
pub const FOOTER_RAW_MAX: u64 = 512 << 20;
/// Most memory that a part's labels may take, as `Footer::memory_size` counts them.
pub const STREAMS_MEMORY_MAX: u64 = 1 << 30;
/// Most bytes that a zstd frame can hold per stored byte (a run-length block: 128 KiB in 4 bytes), and a block more.
/// A frame that claims more is refused before anything is allocated.
pub const ZSTD_RATIO_MAX: u64 = 32 << 10;

/// Largest label filter, in bytes: eight blocks of 32.
pub const LABEL_FILTER_BYTES_MAX: usize = 256;
/// Distinct `name=value` pairs past which no label filter is written: it would say "maybe" to most questions.
pub const LABEL_FILTER_PAIRS_MAX: usize = 512;
