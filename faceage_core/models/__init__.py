"""From a card to a network: registry, backbones, heads, checkpoints, downloads, bundles."""
