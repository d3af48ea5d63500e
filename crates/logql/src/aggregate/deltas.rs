//! Counts and sums per step, kept as differences so that a row costs the same however many windows hold it.

/// What one series gathers: at each step, how much enters and leaves the window.
///
/// Few changes are kept as a list; many, as one slot a step.
#[derive(Debug)]
pub(crate) struct Deltas {
    /// `(step, rows, weight)`, in any order, steps may repeat.
    few: Vec<(u32, i64, i64)>,
    /// Per step, once there are many: rows, and weights if the aggregation has any.
    rows: Vec<i64>,
    weights: Vec<i64>,
}

/// The shape that all series of an aggregation share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) steps: usize,
    /// Whether rows have weights (bytes) beside their number.
    pub(crate) weighted: bool,
}

/// A list this long becomes slots; below 8 steps slots are used at once.
const FEW: usize = 64;

impl Deltas {
    pub(crate) fn new(shape: Shape) -> Self {
        let mut deltas = Self { few: Vec::new(), rows: Vec::new(), weights: Vec::new() };
        if shape.steps <= 8 {
            deltas.make_slots(shape);
        }
        deltas
    }

    /// Counts `rows` rows of total `weight` for the steps from `enter` up to before `leave`.
    pub(crate) fn add(&mut self, shape: Shape, enter: usize, leave: usize, rows: i64, weight: i64) {
        if enter < leave {
            self.change(shape, enter, rows, weight);
            self.change(shape, leave, -rows, -weight);
        }
    }

    /// One end of an addition; a change at the last step's end is never seen and not kept.
    pub(crate) fn change(&mut self, shape: Shape, step: usize, rows: i64, weight: i64) {
        if step >= shape.steps {
            return;
        }
        if !self.rows.is_empty() {
            self.rows[step] += rows;
            if shape.weighted {
                self.weights[step] += weight;
            }
            return;
        }
        let step = u32::try_from(step).expect("a query has far fewer than 2^32 steps");
        match self.few.last_mut() {
            Some(last) if last.0 == step => {
                last.1 += rows;
                last.2 += weight;
            }
            _ => self.few.push((step, rows, weight)),
        }
        if self.few.len() >= FEW.max(shape.steps / 4) {
            self.make_slots(shape);
        }
    }

    fn make_slots(&mut self, shape: Shape) {
        self.rows = vec![0; shape.steps];
        if shape.weighted {
            self.weights = vec![0; shape.steps];
        }
        for (step, rows, weight) in std::mem::take(&mut self.few) {
            self.change(shape, step as usize, rows, weight);
        }
    }

    pub(crate) fn merge(&mut self, shape: Shape, other: Self) {
        for (step, rows, weight) in other.few {
            self.change(shape, step as usize, rows, weight);
        }
        for (step, &rows) in other.rows.iter().enumerate() {
            let weight = other.weights.get(step).copied().unwrap_or(0);
            if rows != 0 || weight != 0 {
                self.change(shape, step, rows, weight);
            }
        }
    }

    /// Calls `visit(step, rows, weight)` with every change; steps may repeat.
    pub(crate) fn changes(&self, mut visit: impl FnMut(u32, i64, i64)) {
        self.few.iter().for_each(|&(step, rows, weight)| visit(step, rows, weight));
        for (step, &rows) in (0_u32..).zip(&self.rows) {
            let weight = self.weights.get(step as usize).copied().unwrap_or(0);
            if rows != 0 || weight != 0 {
                visit(step, rows, weight);
            }
        }
    }

    /// Calls `visit(step, rows, weight)` with the totals of every step that has rows.
    pub(crate) fn totals(mut self, shape: Shape, mut visit: impl FnMut(usize, i64, i64)) {
        if self.rows.is_empty() {
            self.make_slots(shape);
        }
        let (mut rows, mut weight) = (0, 0);
        for step in 0..shape.steps {
            rows += self.rows[step];
            weight += self.weights.get(step).copied().unwrap_or(0);
            if rows > 0 {
                visit(step, rows, weight);
            }
        }
    }

    /// Bytes held beside the struct itself.
    pub(crate) fn memory(&self) -> usize {
        self.few.capacity() * std::mem::size_of::<(u32, i64, i64)>()
            + (self.rows.capacity() + self.weights.capacity()) * std::mem::size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(deltas: Deltas, shape: Shape) -> Vec<(usize, i64, i64)> {
        let mut all = Vec::new();
        deltas.totals(shape, |step, rows, weight| all.push((step, rows, weight)));
        all
    }

    #[test]
    fn lists_and_slots_count_alike() {
        for steps in [1, 5, 9, 300] {
            let shape = Shape { steps, weighted: true };
            let mut expected = vec![(0, 0); steps];
            let (mut whole, mut parts) = (Deltas::new(shape), [Deltas::new(shape), Deltas::new(shape)]);
            for at in 0..200_usize {
                let (enter, leave) = (at * 7 % (steps + 1), at * 11 % (steps + 1));
                let weight = i64::try_from(at).expect("small") + 1;
                whole.add(shape, enter, leave, 2, weight);
                parts[at % 2].add(shape, enter, leave, 2, weight);
                for slot in expected.iter_mut().take(leave).skip(enter) {
                    *slot = (slot.0 + 2, slot.1 + weight);
                }
            }
            let expected: Vec<(usize, i64, i64)> = expected
                .into_iter()
                .enumerate()
                .filter(|(_, (rows, _))| *rows > 0)
                .map(|(step, (rows, weight))| (step, rows, weight))
                .collect();
            let [mut left, right] = parts;
            left.merge(shape, right);
            assert_eq!(totals(whole, shape), expected);
            assert_eq!(totals(left, shape), expected);
        }
    }
}
