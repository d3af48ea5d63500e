//! Certificates: the system's, the ones a flag adds, the client's own; for HTTP and for websockets alike.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme, StreamOwned};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider};

use super::args::Shared;

/// What both clients are built from.
#[derive(Debug)]
pub(super) struct Tls {
    provider: Arc<CryptoProvider>,
    roots: Vec<CertificateDer<'static>>,
    /// PEM of the client's certificates and key.
    identity: Option<(Vec<u8>, Vec<u8>)>,
    skip_verify: bool,
}

/// Anything a websocket can run over.
pub(super) trait Transport: Read + Write {}
impl<T: Read + Write> Transport for T {}

impl Tls {
    /// Reads the certificates.
    ///
    /// Errors: a file that cannot be read, or no certificate to trust anywhere.
    pub(super) fn new(shared: &Shared) -> Result<Self> {
        let skip_verify = shared.tls_skip_verify;
        let roots = if skip_verify { Vec::new() } else { roots(shared)? };
        let file = |flag: &Option<String>, names: &[&str]| {
            Shared::or_env(flag.as_deref(), names)
                .map(|path| std::fs::read(&path).with_context(|| format!("reading {path}")))
                .transpose()
        };
        let cert = file(&shared.cert, &["SIGYN_CLIENT_CERT", "LOKI_CLIENT_CERT_PATH"])?;
        let key = file(&shared.key, &["SIGYN_CLIENT_KEY", "LOKI_CLIENT_KEY_PATH"])?;
        let identity = match (cert, key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert, key)),
            _ => bail!("--cert and --key go together"),
        };
        Ok(Self { provider: Arc::new(rustls::crypto::ring::default_provider()), roots, identity, skip_verify })
    }

    /// For the HTTP client.
    pub(super) fn for_http(&self) -> Result<TlsConfig> {
        let roots: Vec<_> = self.roots.iter().map(|root| Certificate::from_der(root.as_ref()).to_owned()).collect();
        let mut config = TlsConfig::builder()
            .provider(TlsProvider::Rustls)
            .unversioned_rustls_crypto_provider(Arc::clone(&self.provider))
            .root_certs(RootCerts::new_with_certs(&roots))
            .disable_verification(self.skip_verify);
        if self.identity.is_some() {
            let certs: Vec<_> =
                self.certs()?.iter().map(|cert| Certificate::from_der(cert.as_ref()).to_owned()).collect();
            let (_, key) = self.identity.as_ref().context("the key was there a moment ago")?;
            let key = PrivateKey::from_pem(key).context("reading the key of --key")?;
            config = config.client_cert(Some(ClientCert::new_with_certs(&certs, key)));
        }
        Ok(config.build())
    }

    /// Puts TLS on a connection to `host`.
    pub(super) fn wrap(&self, host: &str, stream: TcpStream) -> Result<Box<dyn Transport>> {
        let name = ServerName::try_from(host.to_owned()).map_err(|_| anyhow!("'{host}' is not a name for TLS"))?;
        let connection = ClientConnection::new(Arc::new(self.rustls()?), name)?;
        Ok(Box::new(StreamOwned::new(connection, stream)))
    }

    fn rustls(&self) -> Result<ClientConfig> {
        let builder =
            ClientConfig::builder_with_provider(Arc::clone(&self.provider)).with_safe_default_protocol_versions()?;
        let builder = if self.skip_verify {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(Arc::clone(&self.provider))))
        } else {
            let mut store = RootCertStore::empty();
            store.add_parsable_certificates(self.roots.iter().cloned());
            builder.with_root_certificates(store)
        };
        Ok(match &self.identity {
            None => builder.with_no_client_auth(),
            Some((_, key)) => {
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| anyhow!("reading the key: {error}"))?;
                builder.with_client_auth_cert(self.certs()?, key)?
            }
        })
    }

    fn certs(&self) -> Result<Vec<CertificateDer<'static>>> {
        let (cert, _) = self.identity.as_ref().context("there is no client certificate")?;
        certificates(cert).context("reading the certificate of --cert")
    }
}

fn roots(shared: &Shared) -> Result<Vec<CertificateDer<'static>>> {
    let system = rustls_native_certs::load_native_certs();
    let mut roots = system.certs;
    if let Some(path) = Shared::or_env(shared.ca_cert.as_deref(), &["SIGYN_CA_CERT", "LOKI_CA_CERT_PATH"]) {
        let pem = std::fs::read(&path).with_context(|| format!("reading {path}"))?;
        roots.extend(certificates(&pem).with_context(|| format!("reading {path}"))?);
    }
    if roots.is_empty() {
        let problems: Vec<_> = system.errors.iter().map(ToString::to_string).collect();
        let why = if problems.is_empty() { String::new() } else { format!(" ({})", problems.join("; ")) };
        bail!(
            "the system has no certificates to trust{why}; install its ca-certificates or name a file with --ca-cert"
        );
    }
    Ok(roots)
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let certificates = certificates.map_err(|error| anyhow!("not PEM: {error}"))?;
    if certificates.is_empty() {
        bail!("no certificate in it");
    }
    Ok(certificates)
}

/// Trusts every certificate, which is what `--tls-skip-verify` asks for; signatures are still checked.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
