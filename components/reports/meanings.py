"""One line each on how to read a measure, for the pages that show them."""

MEANINGS = {
    "choice_score": "By how much the agreement with labels (AMI) is above the mean of these runs, "
    "estimated from words_ami, stability, consensus, kind_prior and n_topics. Higher is better; it "
    "compares the runs of one sweep only.",
    "kind_prior": "How much further above the others embedders of its kind were by labels (AMI) "
    "than by the measures, on the corpora of the study. Empty for a kind that it had none of.",
    "words_ami": "How well the documents' words alone predict the topics (AMI). Higher is better; "
    "it favours embedders that keep to the wording.",
    "stability": "How far two halves of the documents agree on the topics (AMI, adjusted mutual "
    "information: 0 as by chance, 1 the same). Higher is better.",
    "consensus": "How far the other embedders' topics agree (AMI), variants of one model counting "
    "little more than one. Higher is better.",
    "neighbour_consensus": "The same for the ten nearest neighbours of a document.",
    "lexical_lift": "How much more alike in words neighbours are than documents picked at random. "
    "It says how close an embedder keeps to the wording, not how good it is.",
    "n_topics": "Number of topics.",
    "outlier_ratio": "Share of the documents that are in no topic.",
    "size_gini": "0: all topics are of one size; near 1: one topic holds almost everything.",
    "npmi": "How often the words of a topic stand together: -1 never, 0 as by chance, 1 always "
    "(normalised pointwise mutual information). Lower in short texts. Higher is better, but it is "
    "a poor guide to the embedder.",
    "embedding_coherence": "Mean cosine of a topic's words in one space for all runs. Like npmi, "
    "it judges words, not how documents are grouped.",
    "topic_diversity": "Share of different words among the topics' first ten.",
    "covered_silhouette": "Silhouette where a document in no topic counts 0: it compares runs of "
    "one embedder, whatever else they differ in.",
    "silhouette": "How well the topics are separated in the embedder's own space. Not comparable "
    "between embedders.",
    "dbcv": "Density-based validity. Not comparable between embedders.",
    "ami": "Agreement with the labels (adjusted mutual information): 0 as by chance, 1 the same. "
    "Higher is better.",
    "ari": "Agreement with the labels by pairs, adjusted for chance. Higher is better.",
    "ami_low": "Lower end of a 95 % interval of ami, where few documents have a label.",
    "ami_high": "Upper end of a 95 % interval of ami, where few documents have a label.",
    "mteb_v_measure": "How well k-means on the vectors finds the labels (V-measure), whatever the "
    "topics are. Higher is better.",
    "seed_stability": "How far the topics agree with those of other seeds (AMI). Higher is better.",
    "coverage": "Share of the documents with a label that are in a topic.",
    "embed_seconds": "Seconds to embed; vectors from the cache cost nothing.",
    "embed_cost": "What the tokens cost, by embedder.price.",
    "total_seconds": "Seconds for the whole run.",
    "peak_memory_mb": "Peak memory of the process during the run, in MiB. Jobs of a sweep that "
    "share a process still hold what earlier ones loaded.",
    "v_measure": "Agreement with the labels: harmonic mean of homogeneity and completeness. It "
    "rises with the number of topics.",
    "homogeneity": "How far each topic holds one label only.",
    "completeness": "How far each label lies in one topic only.",
    "purity": "Share of the documents that have the most common label of their topic. It rises "
    "with the number of topics.",
    "n_documents_truncated": "Documents longer than the model's limit, of which it read the "
    "beginning only.",
    "n_documents_empty": "Documents without text, or without a word that the model knows.",
    "n_documents_embedded": "Documents whose vectors were computed in this run, not cached.",
}
