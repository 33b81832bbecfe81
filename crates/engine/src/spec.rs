//! Reads specs: files to nodes with places, nodes to a desired state, problems all at once.
