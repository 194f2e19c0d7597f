from searchsvc.results import SearchRequest
def test_it(sample_service):
    q='/'.join('абвгдежзийклмнопрстуфхцчшщэюяabcdefghijklmnopqrstuvwxyz0123456789')+' школа'
    print(sample_service.search(SearchRequest(q+' '+' '.join('слово%d/а%d/б%d'%(i,i,i) for i in range(30)))).total)
