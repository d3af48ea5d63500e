//! The capacity that answers say they took.

use aws_sdk_dynamodb::operation::delete_item::DeleteItemOutput;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::put_item::PutItemOutput;
use aws_sdk_dynamodb::operation::query::QueryOutput;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsOutput;
use aws_sdk_dynamodb::operation::update_item::UpdateItemOutput;

use crate::metrics::Units;

/// An answer that tells its capacity units.
pub(super) trait Consumed {
    fn units(&self) -> f64;
    fn kind(&self) -> Units;
}

macro_rules! consumed {
    ($($output:ty: $kind:ident),*) => {
        $(impl Consumed for $output {
            fn units(&self) -> f64 {
                self.consumed_capacity().and_then(|consumed| consumed.capacity_units()).unwrap_or(0.0)
            }

            fn kind(&self) -> Units {
                Units::$kind
            }
        })*
    };
}

consumed!(PutItemOutput: write, UpdateItemOutput: write, DeleteItemOutput: write, GetItemOutput: read, QueryOutput: read);

impl Consumed for TransactWriteItemsOutput {
    fn units(&self) -> f64 {
        self.consumed_capacity().iter().filter_map(|consumed| consumed.capacity_units()).sum()
    }

    fn kind(&self) -> Units {
        Units::write
    }
}
