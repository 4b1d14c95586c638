//! The ledger against made-up servers, true ones and lying ones.
