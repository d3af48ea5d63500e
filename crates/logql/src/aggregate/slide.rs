//! Windows over states in time order, in a constant number of combinations a step however long the windows are.
//!
//! A queue of two stacks: the older half holds, for each state, what it and all later ones of that half make together,
//! so that leaving is a pop; the newer half is one running state. Nothing is ever subtracted, so NaN and infinities
//! leave no trace once they are out of the window.

use std::ops::Range;

use super::states::State;
use super::windows::Stretch;

/// Calls `visit(steps, state)` with the combined state of the window, the same for all of `steps`; empty windows are
/// left out. `states` ascend, each stretch once.
pub(crate) fn slide<S: State>(states: &[(Stretch, S)], steps: usize, mut visit: impl FnMut(Range<usize>, &S)) {
    let mut older: Vec<S> = Vec::new();
    let mut newer: Option<S> = None;
    let (mut head, mut tail, mut step) = (0, 0, 0);
    while step < steps {
        while tail < states.len() && states[tail].0.enter as usize <= step {
            newer = Some(joined(newer, &states[tail].1));
            tail += 1;
        }
        while head < tail && states[head].0.leave as usize <= step {
            if older.is_empty() {
                let mut suffix: Option<S> = None;
                older.extend(states[head..tail].iter().rev().map(|(_, state)| {
                    let all = suffix.map_or(*state, |later| joined(Some(*state), &later));
                    suffix = Some(all);
                    all
                }));
                newer = None;
            }
            older.pop();
            head += 1;
        }
        let next_in = states.get(tail).map_or(steps, |(stretch, _)| stretch.enter as usize);
        if head == tail {
            step = next_in;
            continue;
        }
        let until = next_in.min(states[head].0.leave as usize).min(steps);
        match (older.last(), &newer) {
            (Some(older), Some(newer)) => visit(step..until, &joined(Some(*older), newer)),
            (Some(state), None) | (None, Some(state)) => visit(step..until, state),
            (None, None) => debug_assert!(false, "a window with states has a state"),
        }
        step = until;
    }
}

fn joined<S: State>(earlier: Option<S>, later: &S) -> S {
    match earlier {
        None => *later,
        Some(mut state) => {
            state.append(later);
            state
        }
    }
}

/// As [`slide`], for what must see each window's states themselves: `visit(steps, positions)`.
pub(crate) fn slide_positions(stretches: &[Stretch], steps: usize, mut visit: impl FnMut(Range<usize>, Range<usize>)) {
    let (mut head, mut tail, mut step) = (0, 0, 0);
    while step < steps {
        while tail < stretches.len() && stretches[tail].enter as usize <= step {
            tail += 1;
        }
        while head < tail && stretches[head].leave as usize <= step {
            head += 1;
        }
        let next_in = stretches.get(tail).map_or(steps, |stretch| stretch.enter as usize);
        if head == tail {
            step = next_in;
            continue;
        }
        let until = next_in.min(stretches[head].leave as usize).min(steps);
        visit(step..until, head..tail);
        step = until;
    }
}
