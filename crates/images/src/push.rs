//! Bringing an image to a registry: what is there is not sent again, and the tag comes last.

use futures::future::try_join_all;
use oci_spec::image::Digest;
use protocol::{Blame, Failure};
use tokio::sync::Semaphore;

use crate::image::{Blob, Image, Origin};
use crate::progress::{Counter, Progress, Tally};
use crate::registry::{Registry, Trouble};

/// Where an image goes.
#[derive(Debug, Clone)]
pub struct Target {
    /// The registry.
    pub registry: Registry,
    /// A repository of it; in ECR it must exist.
    pub repository: String,
    /// The name the image gets there, for good. [`Image::tag`] gives one that is always free.
    pub tag: String,
}

/// What a push did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Names the image.
    pub digest: Digest,
    /// Bytes that had to be sent.
    pub sent: u64,
    /// Blobs that had to be sent; the others were there or could be shared with another repository.
    pub blobs: usize,
}

/// Pushes an image and gives it its tag. Costs one question if it is there.
///
/// It may be cut off at any moment, by dropping the future too: a later push sends only the blobs that did not arrive.
pub async fn push(image: &Image, target: &Target, progress: &dyn Progress) -> Result<Pushed, Failure> {
    let Target { registry, repository, tag } = target;
    let tally = Tally::new(image.blobs.iter().map(|blob| blob.size));
    let found = registry.tag(repository, tag).await;
    if let Some(found) = found.map_err(|trouble| trouble.explain(registry.address(), &asking(target)))? {
        return if found == image.digest.as_ref() {
            tally.all_placed(progress);
            Ok(Pushed { digest: image.digest.clone(), sent: 0, blobs: 0 })
        } else {
            Err(taken(image, target, &found))
        };
    }
    let sent = tally.tell_while(progress, place_all(image, target, &tally)).await?;
    store(image, target).await?;
    let blobs = sent.iter().filter(|sent| **sent > 0).count();
    Ok(Pushed { digest: image.digest.clone(), sent: sent.iter().sum(), blobs })
}

/// Places all blobs, the largest first so that none is left to go alone at the end. Gives what was sent for each.
async fn place_all(image: &Image, target: &Target, tally: &Tally) -> Result<Vec<u64>, Failure> {
    let slots = Semaphore::new(target.registry.limits().parallel.max(1));
    let mut blobs: Vec<(usize, &Blob)> = image.blobs.iter().enumerate().collect();
    blobs.sort_by_key(|(_, blob)| std::cmp::Reverse(blob.size));
    try_join_all(blobs.into_iter().map(async |(index, blob)| {
        let _slot = slots.acquire().await.map_err(|error| Failure::bug("Blobs lost their turn").source(&error))?;
        let placed = place(blob, target, &tally.counter(index)).await;
        let sent = placed.map_err(|trouble| unplaced(blob, target, trouble))?;
        tally.placed();
        Ok(sent)
    }))
    .await
}

/// Sees to it that a blob is in the repository, in the cheapest way there is. Gives the bytes that were sent.
async fn place(blob: &Blob, target: &Target, counter: &Counter) -> Result<u64, Trouble> {
    let Target { registry, repository, .. } = target;
    let there = registry.has(repository, &blob.digest).await?;
    if there || shared(blob, target).await? {
        counter.set(blob.size);
        return Ok(0);
    }
    registry.send(repository, blob, counter).await?;
    Ok(blob.size)
}

/// Lets the repository share a blob with another one of the same registry.
async fn shared(blob: &Blob, Target { registry, repository, .. }: &Target) -> Result<bool, Trouble> {
    match &blob.origin {
        Origin::Registry(source, from) if source.address() == registry.address() && from != repository => {
            registry.mount(repository, from, &blob.digest).await
        }
        _ => Ok(false),
    }
}

/// Stores the manifest under the tag.
async fn store(image: &Image, target: &Target) -> Result<(), Failure> {
    let Target { registry, repository, tag } = target;
    let Err(trouble) = registry.store(repository, tag, &image.manifest, &image.media_type).await else {
        return Ok(());
    };
    // An earlier attempt may have stored it and its answer been lost, or somebody else was faster.
    match registry.tag(repository, tag).await {
        Ok(Some(found)) if found == image.digest.as_ref() => Ok(()),
        Ok(Some(found)) => Err(taken(image, target, &found)),
        _ => Err(trouble.explain(registry.address(), &format!("storing the image {repository}:{tag}"))),
    }
}

fn asking(Target { repository, tag, .. }: &Target) -> String {
    format!("asking for {repository}:{tag}")
}

fn unplaced(blob: &Blob, Target { registry, repository, .. }: &Target, trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Missing(cause) => {
            Failure::environment(format!("{} has no repository {repository}", registry.address()))
                .cause(cause)
                .hint("Make the repository first, then push again.")
        }
        trouble => {
            let doing = format!("sending {} ({} bytes) to {repository}", blob.digest, blob.size);
            trouble.explain(registry.address(), &doing)
        }
    }
}

fn taken(image: &Image, Target { registry, repository, tag }: &Target, found: &str) -> Failure {
    Failure::new(Blame::User, format!("The tag {repository}:{tag} is taken by another image"))
        .cause(format!("in {} it names {found}, not {}", registry.address(), image.digest))
        .hint("Tags do not move. Push under another tag, or delete that image if nothing uses it.")
}
