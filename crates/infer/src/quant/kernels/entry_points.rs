//! The loops of `arch`, compiled for an instruction set.

/// Gives an instruction set its entry points: functions that are compiled for it, into which the
/// generic loops are inlined, behind methods of the value that proves it.
macro_rules! entry_points {
    ($isa:ty, $features:literal) => {
        impl $isa {
            pub(super) fn direct_rows(self) -> usize {
                <$isa as super::arch::Arch>::DIRECT
            }

            pub(super) fn pairs(self) -> bool {
                <$isa as super::arch::Arch>::PAIRS
            }

            pub(super) fn quantize_chunk(
                self,
                x: &[f32],
                coarse: Option<&$crate::quant::quantized_rows::RowChunk>,
                chunk: &mut $crate::quant::quantized_rows::RowChunk,
            ) {
                #[target_feature(enable = $features)]
                fn run(
                    x: &[f32],
                    coarse: Option<&$crate::quant::quantized_rows::RowChunk>,
                    chunk: &mut $crate::quant::quantized_rows::RowChunk,
                ) {
                    $crate::quant::quantized_rows::quantize_chunk(x, coarse, chunk);
                }
                // SAFETY: `self` exists only where the processor has these instructions.
                unsafe { run(x, coarse, chunk) }
            }

            pub(super) fn lanes<K: $crate::quant::panel::LaneKernel>(self, kernel: K) {
                #[target_feature(enable = $features)]
                fn run<K: $crate::quant::panel::LaneKernel>(isa: $isa, kernel: K) {
                    kernel.run(isa);
                }
                // SAFETY: `self` exists only where the processor has these instructions.
                unsafe { run(self, kernel) }
            }

            pub(super) fn spin_int8(self, rounds: usize) -> u64 {
                #[target_feature(enable = $features)]
                fn run(isa: $isa, rounds: usize) -> u64 {
                    super::arch::Arch::spin_int8(isa, rounds)
                }
                // SAFETY: `self` exists only where the processor has these instructions.
                unsafe { run(self, rounds) }
            }

            pub(super) fn spin_f32(self, rounds: usize) -> u64 {
                #[target_feature(enable = $features)]
                fn run(isa: $isa, rounds: usize) -> u64 {
                    super::arch::spin_f32(isa, rounds)
                }
                // SAFETY: `self` exists only where the processor has these instructions.
                unsafe { run(self, rounds) }
            }

            pub(super) fn read(self, bytes: &[u8]) {
                #[target_feature(enable = $features)]
                fn run(isa: $isa, bytes: &[u8]) {
                    super::arch::read(isa, bytes);
                }
                // SAFETY: `self` exists only where the processor has these instructions.
                unsafe { run(self, bytes) }
            }

            pub(super) fn quantized<P: $crate::quant::panel::Packed>(
                self,
                tiles: super::Tiles<'_>,
                x: &$crate::quant::quantized_rows::QuantizedRows,
                scratch: &mut super::Scratch,
            ) {
                #[target_feature(enable = $features)]
                fn run<P: $crate::quant::panel::Packed>(
                    isa: $isa,
                    tiles: super::Tiles<'_>,
                    x: &$crate::quant::quantized_rows::QuantizedRows,
                    scratch: &mut super::Scratch,
                ) {
                    super::arch::quantized::<$isa, P>(isa, tiles, x, scratch);
                }
                // A function for each number of rows: all in one are more than the compiler does well.
                #[target_feature(enable = $features)]
                fn few<P: $crate::quant::panel::Packed, const N: usize, const IN_ORDER: bool>(
                    isa: $isa,
                    tiles: super::Tiles<'_>,
                    x: &$crate::quant::quantized_rows::QuantizedRows,
                    scratch: &mut super::Scratch,
                ) {
                    super::arch::few_quantized::<$isa, P, N, IN_ORDER>(isa, tiles, x, scratch);
                }
                const FEW: usize = <$isa as super::arch::Arch>::DIRECT;
                // SAFETY: `self` exists only where the processor has these instructions.
                unsafe {
                    match (x.batch(), tiles.reading == super::Reading::InOrder) {
                        (1, true) if FEW >= 1 => few::<P, 1, true>(self, tiles, x, scratch),
                        (1, false) if FEW >= 1 => few::<P, 1, false>(self, tiles, x, scratch),
                        (2, true) if FEW >= 2 => few::<P, 2, true>(self, tiles, x, scratch),
                        (2, false) if FEW >= 2 => few::<P, 2, false>(self, tiles, x, scratch),
                        (3, true) if FEW >= 3 => few::<P, 3, true>(self, tiles, x, scratch),
                        (3, false) if FEW >= 3 => few::<P, 3, false>(self, tiles, x, scratch),
                        (4, true) if FEW >= 4 => few::<P, 4, true>(self, tiles, x, scratch),
                        (4, false) if FEW >= 4 => few::<P, 4, false>(self, tiles, x, scratch),
                        _ => run::<P>(self, tiles, x, scratch),
                    }
                }
            }

            pub(super) fn exact<P: $crate::quant::panel::Packed>(
                self,
                tiles: super::Tiles<'_>,
                x: &[f32],
                cols: usize,
                scratch: &mut super::Scratch,
            ) {
                #[target_feature(enable = $features)]
                fn run<P: $crate::quant::panel::Packed>(
                    isa: $isa,
                    tiles: super::Tiles<'_>,
                    x: &[f32],
                    cols: usize,
                    scratch: &mut super::Scratch,
                ) {
                    super::arch::exact::<$isa, P>(isa, tiles, x, cols, scratch);
                }
                // SAFETY: `self` exists only where the processor has these instructions.
                unsafe { run::<P>(self, tiles, x, cols, scratch) }
            }

            pub(super) fn plain<P: $crate::quant::plain::Plain>(
                self,
                tiles: super::Tiles<'_>,
                x: &[f32],
                cols: usize,
                scratch: &mut super::Scratch,
            ) {
                #[target_feature(enable = $features)]
                fn run<P: $crate::quant::plain::Plain>(
                    isa: $isa,
                    tiles: super::Tiles<'_>,
                    x: &[f32],
                    cols: usize,
                    scratch: &mut super::Scratch,
                ) {
                    super::arch::plain::<$isa, P>(isa, tiles, x, cols, scratch);
                }
                #[target_feature(enable = $features)]
                fn few<P: $crate::quant::plain::Plain, const N: usize>(
                    isa: $isa,
                    tiles: super::Tiles<'_>,
                    x: &[f32],
                    cols: usize,
                    scratch: &mut super::Scratch,
                ) {
                    super::arch::few_plain::<$isa, P, N>(isa, tiles, x, cols, scratch);
                }
                const FEW: usize = <$isa as super::arch::Arch>::PLAIN_ROWS;
                let in_order = tiles.reading == super::Reading::InOrder;
                // SAFETY: `self` exists only where the processor has these instructions.
                unsafe {
                    match x.len() / cols {
                        1 => few::<P, 1>(self, tiles, x, cols, scratch),
                        2 if FEW >= 2 && in_order => few::<P, 2>(self, tiles, x, cols, scratch),
                        3 if FEW >= 3 && in_order => few::<P, 3>(self, tiles, x, cols, scratch),
                        4 if FEW >= 4 && in_order => few::<P, 4>(self, tiles, x, cols, scratch),
                        _ => run::<P>(self, tiles, x, cols, scratch),
                    }
                }
            }

            pub(super) fn table<T: $crate::quant::table::Table>(
                self,
                tiles: super::Tiles<'_>,
                x: &[f32],
                cols: usize,
                scratch: &mut super::Scratch,
            ) {
                #[target_feature(enable = $features)]
                fn run<T: $crate::quant::table::Table>(
                    isa: $isa,
                    tiles: super::Tiles<'_>,
                    x: &[f32],
                    cols: usize,
                    scratch: &mut super::Scratch,
                ) {
                    super::arch::table::<$isa, T>(isa, tiles, x, cols, scratch);
                }
                // SAFETY: `self` exists only where the processor has these instructions.
                unsafe { run::<T>(self, tiles, x, cols, scratch) }
            }
        }
    };
}

pub(super) use entry_points;
