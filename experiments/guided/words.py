"""What a person who knows these corpora a little might type. None of it was tuned to a result."""

# Seed words for half of the labels of each corpus.
SEEDS = {
    "bbc_news": {
        "politics": ["labour", "tory", "election"],
        "tech": ["software", "mobile", "technology"],
    },
    "ag_news_test": {
        "Sports": ["game", "team", "season"],
        "Business": ["oil", "stocks", "profit"],
    },
    "stackoverflow_20k": {
        "scala": ["scala"],
        "haskell": ["haskell"],
        "excel": ["excel"],
        "svn": ["svn", "subversion"],
        "qt": ["qt"],
        "oracle": ["oracle", "sql"],
        "sharepoint": ["sharepoint"],
        "wordpress": ["wordpress"],
        "bash": ["bash", "shell"],
        "matlab": ["matlab"],
    },
    "20newsgroups": {
        "rec.autos": ["car", "cars", "engine"],
        "rec.motorcycles": ["bike", "motorcycle", "ride"],
        "sci.crypt": ["encryption", "clipper", "key"],
        "sci.med": ["patients", "disease", "doctor"],
        "sci.space": ["space", "orbit", "nasa"],
        "talk.politics.guns": ["gun", "guns", "weapons"],
        "talk.politics.mideast": ["israel", "arab", "armenian", "turkish"],
        "misc.forsale": ["sale", "offer", "shipping"],
        "rec.sport.hockey": ["hockey", "nhl", "team"],
        "comp.graphics": ["graphics", "image"],
    },
}

# A name for every label.
NAMES = {
    "bbc_news": {
        "business": "business",
        "entertainment": "entertainment",
        "politics": "politics",
        "sports": "sport",
        "tech": "technology",
    },
    "ag_news_test": {
        "World": "world news",
        "Sports": "sports",
        "Business": "business",
        "Sci/Tech": "science and technology",
    },
    "stackoverflow_20k": {
        name: name
        for name in "scala haskell spring excel linq svn hibernate qt visual-studio oracle magento "
        "sharepoint ajax wordpress osx bash apache cocoa matlab drupal".split()
    },
    "20newsgroups": {
        "alt.atheism": "atheism",
        "comp.graphics": "computer graphics",
        "comp.os.ms-windows.misc": "microsoft windows",
        "comp.sys.ibm.pc.hardware": "pc hardware",
        "comp.sys.mac.hardware": "mac hardware",
        "comp.windows.x": "x window system",
        "misc.forsale": "for sale",
        "rec.autos": "cars",
        "rec.motorcycles": "motorcycles",
        "rec.sport.baseball": "baseball",
        "rec.sport.hockey": "hockey",
        "sci.crypt": "cryptography",
        "sci.electronics": "electronics",
        "sci.med": "medicine",
        "sci.space": "space",
        "soc.religion.christian": "christianity",
        "talk.politics.guns": "guns",
        "talk.politics.mideast": "middle east",
        "talk.politics.misc": "politics",
        "talk.religion.misc": "religion",
    },
}
