"""Words with a point that ends no sentence, by language, in lower case and without the last point.

`NEVER`: something always follows (titles, "z. B."). `PERHAPS`: they may also stand last; the sentence ends if one of `STARTERS`
follows, the words that begin sentences more often than they follow an abbreviation.
"""

NEVER = {
    "en": """
        mr mrs ms dr prof rev gen sen rep gov capt lt col sgt st mt ft hon pres messrs vs e.g i.e cf viz approx fig
        figs eq no nos vol ch pp p ed eds jan feb mar apr jun jul aug sep sept oct nov dec ca al mx
    """,
    "de": """
        hr fr dr prof dipl ing st nr abb bd bzw ca evtl ggf inkl exkl max min z zb d dh u ua s sog vgl tel str jan feb
        mär apr jun jul aug sept sep okt nov dez z.b d.h u.a i.d.r o.ä v.a i.a bspw geb gest jh mio mrd med phil rer
        art abs hl
    """,
    "fr": """
        m mm mme mmes mlle mlles dr pr me st ste mgr p pp fig vol chap art av apr env ex cf janv févr avr juil sept
        oct nov déc n tél bd
    """,
    "es": """
        sr sra srta sres dr dra d dña prof profa lic ing arq gral cap cnel sto sta san núm nº pág págs p pp vol fig
        art av avda c tel ej p.ej aprox ud uds vd vds ee
    """,
    "pt": """
        sr sra srta srs dr dra d prof profa eng arq exmo exma gen cap cel sto sta núm n nº pág págs p pp vol fig art
        av r tel ex p.ex aprox v
    """,
    "it": """
        sig sigg dott avv ing prof rag geom arch on gen cap col pag pagg p pp vol fig art cap n nr tel es p.es ca cfr
        sen san
    """,
    "ru": """
        г гг ул пр просп им д кв стр рис табл гл см ср напр т тов акад проф доц св о оз р тыс руб коп млн млрд т.е т.к
        т.н т.д и.о н.э до.н.э
    """,
    "zh": "mr mrs ms dr prof",
    "ja": "mr mrs ms dr prof no",
    "ko": "mr mrs ms dr prof no",
}
PERHAPS = {
    "en": "etc inc ltd co corp jr sr a.m p.m u.s u.k u.n u.s.a ph.d m.d b.a m.a esq dept univ assn bros ave blvd rd est",
    "de": "usw etc u.s.w co gmbh n.chr v.chr chr",
    "fr": "etc cie j.-c s.a",
    "es": "etc cía s.a ee.uu a.c d.c a.m p.m",
    "pt": "etc cia ltda s.a a.c d.c",
    "it": "ecc s.p.a s.r.l a.c d.c",
    "ru": "др пр т.д т.п г гг в вв н.э руб коп",
    "zh": "etc inc ltd co u.s",
    "ja": "etc inc ltd co u.s",
    "ko": "etc inc ltd co u.s",
}
STARTERS = {
    "en": """
        the a an he she it they we you i this that these those there but and so then when while if in on at as after
        before however his her their our my your what who why how no yes not now
    """,
    "de": """
        der die das er sie es wir ihr ich ein eine dann danach doch aber und so wenn als im in am auf nach vor diese
        dieser dieses sein seine ihre mein meine was wer wie warum nun jetzt nein ja hier da dort
    """,
    "fr": """
        le la les il elle ils elles on nous vous je ce cette ces un une mais et puis alors quand si dans en après
        avant c l j d qu que qui
    """,
    "es": """
        el la los las él ella ellos nosotros yo un una este esta esto pero y luego entonces cuando si en después antes
        no su sus mi
    """,
    "pt": "o a os as ele ela eles nós eu um uma este esta isto mas e depois então quando se em no na não seu sua meu",
    "it": "il lo la i gli le lui lei loro noi io un una questo questa ma e poi allora quando se in dopo prima non",
    "ru": """
        он она оно они мы вы я это этот эта эти но и а потом затем когда если в на после до не его её их мой что кто
        как там тут здесь
    """,
    "zh": "the he she it they we",
    "ja": "the he she it they we",
    "ko": "the he she it they we",
}
