//! Hash domains: one BLAKE3 context per meaning, so that bytes hashed for one purpose never count for another.
//! `docs/spec/cryptography.md` says what each one hashes; `src/crypto/domains.ts` lists the same names.

use crate::error::CryptoError;

macro_rules! domains {
    ($($variant:ident = $name:literal),+ $(,)?) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Domain {
            $($variant),+
        }

        impl Domain {
            /// Every domain, in the order of the indices the binding uses.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name),+
                }
            }

            /// The context string of BLAKE3's derive_key mode.
            pub const fn context(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!("av10 ", $name, " 1")),+
                }
            }
        }
    };
}

domains! {
    Block = "block",
    Payload = "payload",
    Bodies = "bodies",
    Sigs = "sigs",
    Sig = "sig",
    Genesis = "genesis",
    Commit = "commit",
    Tx = "tx",
    Wire = "wire",
    Vid = "vid",
    Address = "address",
    Key = "key",
    Leaf = "leaf",
    Static = "static",
    Node = "node",
    Accounts = "accounts",
    System = "system",
    Results = "results",
    Res = "res",
    Bitmap = "bitmap",
    Statement = "statement",
    Params = "params",
    Committee = "committee",
    Log = "log",
    Guard = "guard",
    Snapshot = "snapshot",
    Link = "link",
    Bind = "bind",
}

impl Domain {
    pub fn from_index(index: u32) -> Result<Self, CryptoError> {
        let position = usize::try_from(index).unwrap_or(usize::MAX);
        Self::ALL.get(position).copied().ok_or(CryptoError::UnknownDomain { index })
    }
}
