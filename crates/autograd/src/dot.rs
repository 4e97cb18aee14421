//! A computation as a picture.

use std::fmt::Write as _;

use ulp_tensor::Float;
use ulp_tensor::ndarray::Dimension;

use crate::var::Var;

impl<T: Float> Var<'_, T> {
    /// What this value was computed from, in the language of Graphviz
    /// ([DOT](https://graphviz.org/doc/info/lang.html)): a box for each value with its operation and
    /// shape, leaves round, constants grey. `dot -Tsvg` draws it.
    ///
    /// # Examples
    ///
    /// ```
    /// use ulp_autograd::Tape;
    /// use ulp_tensor::ndarray::arr1;
    ///
    /// let tape = Tape::new();
    /// let x = tape.leaf(arr1(&[1.0_f32, 2.0]));
    /// let picture = (x * x).sum_all().to_dot();
    /// assert!(picture.contains("n1 [label=\"mul\\n[2]\"]"));
    /// assert!(picture.contains("n0 -> n1"));
    /// ```
    #[must_use]
    pub fn to_dot(self) -> String {
        let nodes = self.tape.nodes.borrow();
        let mut reached = vec![false; self.id as usize + 1];
        reached[self.id as usize] = true;
        let (mut boxes, mut arrows) = (Vec::new(), String::new());
        for id in (0..=self.id as usize).rev() {
            if !reached[id] {
                continue;
            }
            let node = nodes.node(id as u32);
            let shape = nodes.dim(id as u32);
            let shape = shape.slice();
            boxes.push(match &node.record {
                Some(record) => {
                    for &input in record.inputs.as_slice() {
                        reached[input as usize] = true;
                        let _ = writeln!(arrows, "  n{input} -> n{id};");
                    }
                    format!("  n{id} [label=\"{}\\n{shape:?}\"];", record.op.name())
                }
                None if node.wants_gradient => {
                    format!("  n{id} [label=\"leaf\\n{shape:?}\", shape=ellipse];")
                }
                None => format!("  n{id} [label=\"constant\\n{shape:?}\", color=grey];"),
            });
        }
        boxes.reverse();
        format!("digraph {{\n  node [shape=box];\n{}\n{arrows}}}\n", boxes.join("\n"))
    }
}
